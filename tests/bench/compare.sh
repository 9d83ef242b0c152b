#!/usr/bin/env bash
# corsac beside PyTorch (eager and compiled), Stable-Baselines3 and SBX, all in one run: who is measured when alternates in rounds.
#   compare.sh [--quick] [--out DIR] [--only TEXT] [--rounds N] [--mujoco] [--results]
#     --out DIR     where results.jsonl, compare.txt, compare.md go (default build/bench/compare)
#     --only TEXT   only groups with TEXT in their name (`--only list` lists them); the others in DIR are kept
#     --mujoco      also the rivals on Gymnasium's HalfCheetah-v5
#     --results     put the tables into tests/bench/RESULTS.md
# It makes a virtual environment below build/ (VENV=DIR: another place) with what requirements.txt names: several GB where
# PyTorch's index of CPU builds cannot be reached.
set -eu
here=$PWD
cd "$(dirname "$0")/../.."
build=${BUILD:-build} out='' mujoco=0 arguments=()
usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
  case $1 in
  --quick | --results) arguments+=("$1") ;;
  --mujoco) mujoco=1 arguments+=("$1") ;;
  --out | --only | --rounds)
    [ $# -gt 1 ] || { echo "compare.sh: $1 needs a value after it" >&2 && exit 2; }
    if [ "$1" = --out ]; then out=$(cd "$here" && realpath -m -- "$2"); else arguments+=("$1" "$2"); fi
    shift
    ;;
  -h | --help) usage && exit ;;
  *) echo "compare.sh: '$1' is no option of this script; see compare.sh --help" >&2 && exit 2 ;;
  esac
  shift
done
: "${out:=$build/bench/compare}" "${VENV:=$build/bench/venv}" "${CORSAC:=$build/release/corsac}"
export CORSAC PLUGIN="${PLUGIN:-$build/release/plugins/linear.so}" MPIRUN="${MPIRUN:-mpirun --bind-to none --oversubscribe}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # NumPy listens to them, too
for file in "$CORSAC" "$PLUGIN"; do
  [ -e "$file" ] || { echo "compare.sh: $file is missing; 'make bench-compare' builds it" >&2 && exit 1; }
done

# install WHAT...: from PyTorch's CPU index where there is torch in it and the index can be reached, else from PyPI
install() {
  local pip="$VENV/bin/pip --quiet --disable-pip-version-check install" index=https://download.pytorch.org/whl/cpu
  case $1 in
  torch*)
    if timeout 20 "$VENV/bin/python" -c "import urllib.request as r; r.urlopen('$index/torch/', timeout=10)" 2>/dev/null &&
      $pip --index-url $index "$@" 2>/dev/null; then return; fi
    echo "compare.sh: PyTorch's index of CPU builds has no answer for $*; PyPI's build brings CUDA along" >&2
    ;;
  esac
  $pip "$@"
}

[ -x "$VENV/bin/pip" ] || python3 -m venv "$VENV" || { echo "compare.sh: python3 -m venv fails: install python3-venv" >&2 && exit 1; }
while read -r line; do
  case $line in '#'* | '') continue ;; mujoco*) [ $mujoco = 1 ] || continue ;; esac
  stamp=$VENV/installed-$(echo "$line" | tr -c 'a-zA-Z0-9.=\n-' _)
  [ -e "$stamp" ] && continue
  echo "compare.sh: installing $line" >&2
  # shellcheck disable=SC2086
  if install $line; then touch "$stamp"; else echo "compare.sh: could not install $line: going on without" >&2; fi
done <tests/bench/requirements.txt
mkdir -p "$out"
exec "$VENV/bin/python" tests/bench/compare.py --out "$out" "${arguments[@]}"

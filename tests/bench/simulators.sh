#!/usr/bin/env bash
# corsac's environments beside the bare loops of their simulators: steps/s of one environment as `corsac bench env` measures it, and of a loop in the
# simulator's own language that makes the same calls without corsac. Both alternate; a figure is the median of the rounds.
#   simulators.sh [--quick] [--out DIR] [--only NAME]
#     --out DIR     where the table, simulators.md, goes (default build/bench/simulators)
#     --only NAME   lammps, jsbsim, fetch, motor, process, fortran, fmu or files
# What Python needs goes into a virtual environment below build/ (VENV=DIR: another place), 1.3 GB. A simulator whose packages cannot be installed is
# skipped with its name.
set -eu -o pipefail
export LC_ALL=C # numbers have a point
here=$PWD
cd "$(dirname "$0")/../.."
root=$PWD build=${BUILD:-build} out='' rounds=5 seconds=1
names='lammps jsbsim fetch motor process fortran fmu files' only=
while [ $# -gt 0 ]; do
  case $1 in
  --quick) rounds=1 seconds=0.1 ;;
  --out | --only)
    [ $# -gt 1 ] || { echo "simulators.sh: $1 needs a value after it" >&2 && exit 2; }
    if [ "$1" = --out ]; then out=$(cd "$here" && realpath -m -- "$2"); else only=$2; fi
    shift
    ;;
  -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
  *) echo "simulators.sh: '$1' is no option of this script; see simulators.sh --help" >&2 && exit 2 ;;
  esac
  shift
done
case " $names " in *" ${only:-lammps} "*) ;; *) echo "simulators.sh: --only is one of $names, not '$only'" >&2 && exit 2 ;; esac
: "${out:=$root/$build/bench/simulators}" "${CORSAC:=$root/$build/release/corsac}" "${VENV:=$root/$build/bench/simulators-venv}"
[ -e "$CORSAC" ] || { echo "simulators.sh: $CORSAC is missing; 'make' builds it" >&2 && exit 1; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
include=$root/$build/include python=$VENV/bin/python
export PYTHONPATH=$root/tests/bench/simulators:$root/$build/share/corsac/python PYTHONDONTWRITEBYTECODE=1

# need NAME COMMAND...: succeeds, or says that NAME is skipped
need() {
  "${@:2}" >"$work/need" 2>&1 || { echo "simulators.sh: skipped: $1: $* fails: $(tail -n 1 "$work/need")" >&2 && return 1; }
}
# packages NAME REQUIREMENT...: into the virtual environment
packages() {
  local stamp
  stamp=$VENV/installed-$(echo "${*:2}" | tr -c 'a-zA-Z0-9.=\n-' _)
  [ ! -e "$stamp" ] || return 0
  [ -x "$VENV/bin/pip" ] || need "$1" python3 -m venv "$VENV" || return 1
  echo "simulators.sh: installing ${*:2}" >&2
  need "$1" "$VENV/bin/pip" --quiet --disable-pip-version-check install "${@:2}" && touch "$stamp"
}
bare_plugin() { mpicc -std=c11 -O2 -I"$include" tests/bench/simulators/plugin.c -ldl -o "$work/plugin"; }
# prepare NAME: builds it. Sets `bare`, the command of its loop, `env` and `options`, what corsac runs, and `what`, the row's name.
prepare() {
  options=
  case $1 in
  lammps)
    what='LAMMPS, 256 atoms: plugin'
    need lammps bare_plugin && need lammps mpicc -O2 -shared -fPIC -I"$include" launch/examples/mpi/lammps.c -llammps -o "$work/lammps.so" || return 1
    bare="$work/plugin $work/lammps.so" env=$work/lammps.so
    ;;
  fortran)
    what='heat_rod.f90: plugin'
    need fortran bare_plugin && need fortran gfortran -O2 -J"$work" -shared -fPIC "$include/corsac/corsac_env.f90" launch/examples/plugin/heat_rod.f90 -o "$work/heat_rod.so" ||
      return 1
    bare="$work/plugin $work/heat_rod.so" env=$work/heat_rod.so
    ;;
  jsbsim)
    what='JSBSim, Cessna 172: exec:, Python'
    packages jsbsim jsbsim==1.3.3 || return 1
    bare="$python $root/tests/bench/simulators/bench_simulators.py jsbsim" env="exec:$python $root/tests/bench/simulators/bench_simulators.py jsbsim"
    ;;
  fetch | motor | process)
    case $1 in
    fetch) what='FetchReach-v4 of gymnasium-robotics: gym:' env=gym:gymnasium_robotics:FetchReach-v4 && packages fetch gymnasium==1.4.0 gymnasium-robotics==1.4.2 'mujoco<3.4' ;;
    motor) what='Cont-CC-PMSM-v0 of gym-electric-motor: gym:' env=gym:bench_simulators:corsac/Motor-v0 && packages motor gymnasium==1.4.0 gym-electric-motor==3.0.3 ;;
    process) # of its extras pcgym needs none here; they bring PyTorch
      what='a stirred tank of pcgym: gym:' env=gym:bench_simulators:corsac/Process-v0
      packages process gymnasium==1.4.0 casadi 'jax[cpu]' diffrax equinox do-mpc tqdm cloudpickle matplotlib && packages process --no-deps pcgym==0.1.8
      ;;
    esac || return 1
    bare="$python $root/tests/bench/simulators/bench_simulators.py $1" options="--python $python"
    ;;
  fmu)
    what="the tests' spring.fmu: fmi:"
    need fmu make -s "$build/release/fmus/spring2.fmu" || return 1
    binary=$(ls "$root/$build"/release/fmus/spring2/binaries/*/spring.so)
    need fmu gcc -std=c11 -D_GNU_SOURCE -O2 tests/bench/simulators/fmu.c "$binary" -Wl,-rpath,"$(dirname "$binary")" -o "$work/fmu" || return 1
    bare=$work/fmu env=fmi:$root/$build/release/fmus/spring2.fmu
    ;;
  files)
    what='rod, 2 ranks, coupled by files: exec:, Python'
    cp launch/examples/files/rod.py "$work" && need files mpicc -std=c11 -O2 launch/examples/files/rod.c -o "$work/rod" || return 1
    export ROD=$work/rod
    bare="python3 $root/tests/bench/simulators/bench_simulators.py files" env="exec:python3 $work/rod.py"
    ;;
  esac
}
# middle: the median of the numbers on standard input
middle() { sort -g | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }

table=$out/simulators.md
printf '| simulator: how corsac runs it | bare loop, steps/s | corsac, steps/s | ratio | corsac adds to a step |\n|---|---|---|---|---|\n' >"$table"
for name in ${only:-$names}; do
  prepare "$name" || continue
  : >"$work/rows"
  # shellcheck disable=SC2086
  for _ in $(seq $rounds); do
    a=$(timeout -k 5 300 $bare $seconds 2>"$work/bare.err" | tail -n 1) || { echo "simulators.sh: failed: $bare $seconds" >&2 && tail -n 3 "$work/bare.err" >&2 && exit 1; }
    timeout -k 5 900 "$CORSAC" bench env --env "$env" $options --rounds 1 --seconds $seconds --json >"$work/json" 2>"$work/env.err" </dev/null ||
      { echo "simulators.sh: failed: bench env --env '$env' $options" >&2 && tail -n 3 "$work/env.err" >&2 && exit 1; }
    b=$(sed -n 's/^ *"value": \([-0-9.e+]*\).*/\1/p' "$work/json" | head -n 1)
    echo "$a $b" >>"$work/rows"
  done
  awk '{ print $1, $2, $2 / $1, 1e6 / $2 - 1e6 / $1 }' "$work/rows" >"$work/figures"
  for column in 1 2 3 4; do cut -d ' ' -f $column "$work/figures" | middle; done | paste -s -d ' ' |
    awk -v what="$what" 'function short(x) { return sprintf(x < 1000 ? "%.4g" : "%d", x) }
      { printf "| %s | %s | %s | %.2f | %.3g us |\n", what, short($1), short($2), $3, $4 }' | tee -a "$table"
done
echo "simulators.sh: $table" >&2

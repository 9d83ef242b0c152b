#!/usr/bin/env bash
# launch/examples/files: a solver that is coupled by files, with an mpirun of its own, by the commands
# of the manual; and what a solver costs that dies, hangs or writes nothing.
. "$(dirname "$0")/lib.sh"

build=$root/${BUILD_DIR%/*} examples=$root/launch/examples/files
if ! command -v mpicc >/dev/null || ! command -v python3 >/dev/null; then
  skip 'a solver coupled by files: no mpicc or no python3 here'
  pass
  finish
fi
block sh launch/examples/files | sed -E 's/ +#.*//; s/env-steps 1000/env-steps 24/; s/learning-starts 100/learning-starts 8 --batch-size 8/' >"$tmp/commands"
mkdir -p "$tmp/work/build" "$tmp/bin" "$tmp/scratch" && cd "$tmp/work" || exit 1
ln -s "$build/share" build/share
ln -s "$root/launch" launch
ln -s "$CORSAC" "$tmp/bin/corsac"
export PATH=$tmp/bin:$PATH TMPDIR=$tmp/scratch
check 'the manual compiles, runs alone, trains and evaluates' [ "$(grep -cE 'mpicc|^CORSAC_EPISODES|train|eval ' "$tmp/commands")" = 4 ]
expect_status 'it does' 0 bash -ec ". '$tmp/commands'"
check 'alone it plays an episode' grep -q 'episode 0: 20 steps, return -[0-9.]*, truncated' "$err"
check 'the run ends' grep -q 'done after 24 steps' runs/rod/log.txt
check 'its policy is evaluated' grep -q '20$' "$out"
check 'no directory of an instance stays' [ -z "$(ls "$TMPDIR" | grep '^rod-')" ]

# The solver by itself.
mkdir alone && cd alone || exit 1
for ranks in 1 2 3; do
  rm -f state.dat
  for power in '1 0.25' '0.5 1'; do
    echo "$power 0.02" >control.dat
    expect_status "the solver on $ranks" 0 $MPIRUN --mca mpi_yield_when_idle 1 -n $ranks ../rod/rod
  done
  cp state.dat "../state.$ranks"
done
cd .. || exit 1
check 'has the same bits on any number of ranks' sh -c 'cmp -s state.1 state.2 && cmp -s state.1 state.3'
check 'and warms the rod' awk 'NR == 2 && $1 > 0.2 { warm = 1 } END { exit !warm }' alone/result.dat

# What breaks: a solver that ends with an error, that writes nothing, that hangs.
export PYTHONPATH=$build/share/corsac/python
# broken NAME SCRIPT REGEX [SECONDS]: the job ends with that reason
broken() {
  mkdir "$1" && sed "s/SECONDS = 60/SECONDS = ${4:-60}/" "$examples/rod.py" >"$1/rod.py"
  printf '#!/bin/sh\n%s\n' "$2" >"$1/rod" && chmod +x "$1/rod"
  bad "a solver that $1" 1 "$3" "$CORSAC" train $small --env "exec:python3 $1/rod.py" --env-max-failures 1 --run-dir "runs/$1"
}
broken dies 'exit 3' 'RuntimeError: the solver ended with status 3'
broken forgets 'exit 0' "No such file or directory: .*result.dat"
broken hangs 'exec sleep 4321' 'RuntimeError: the solver took more than 2 s' 2
check 'and is ended' wait_for sh -c '! pgrep -f "^sleep 4321"'
cd "$root" || exit 1
finish

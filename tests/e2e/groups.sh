#!/usr/bin/env bash
# --ranks-per-env: simulators that are parallel over MPI, in groups of ranks. The examples of
# launch/examples/mpi, compiled as they say.
. "$(dirname "$0")/lib.sh"

include=$root/${BUILD_DIR%/*}/include examples=$root/launch/examples/mpi
small="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 2000 --eval-episodes 2 --log-every 60 --checkpoint-every 0"

# compiled NAME SOURCE: into $tmp, by the command in its head
compiled() {
  local command
  command=$(sed -nE 's#^(//|!) +(mpi(cc|fort) .*)#\2#p' "$examples/$2" | head -n 1)
  check "$2 says how it is compiled" [ -n "$command" ]
  cp "$examples/$2" "$tmp"
  expect_status "$2 compiles as it says" 0 sh -c "cd '$tmp' && $(echo "$command -I$include" | sed "s#build/include/#$include/#") -Wall -Wextra -Werror"
}
# The same from one rank to several, and from one group to two.
sync() { # NAME
  local job="train --env $tmp/$1.so $small --sync --envs 2 --sync-steps 5 --env-steps 240 --eval-every 120"
  expect_status "$1 alone" 0 "$CORSAC" $job --run-dir "$tmp/$1.1"
  expect_status "$1 in one group of 2" 0 $MPIRUN -n 3 "$CORSAC" $job --ranks-per-env 2 --run-dir "$tmp/$1.2"
  expect_status "$1 in two groups of 2" 0 $MPIRUN -n 5 "$CORSAC" $job --ranks-per-env 2 --run-dir "$tmp/$1.22"
  for other in 2 22; do same "$1: one process and $other" "$tmp/$1.1/ckpt-240.h5" "$tmp/$1.$other/ckpt-240.h5" policy; done
}
resume() {
  local job="--env $tmp/$1.so $small --sync --envs 2 --sync-steps 5 --eval-every 0"
  expect_status "$1, half" 0 $MPIRUN -n 5 "$CORSAC" train $job --ranks-per-env 2 --env-steps 130 --run-dir "$tmp/$1.half"
  expect_status "$1, on in one group" 0 $MPIRUN -n 3 "$CORSAC" train --resume "$tmp/$1.half" --env-steps 240
  expect_status "$1, in one go" 0 "$CORSAC" train $job --env-steps 240 --run-dir "$tmp/$1.whole"
  same "$1: resumed is what never stopped" "$tmp/$1.half/ckpt-240.h5" "$tmp/$1.whole/ckpt-240.h5" policy
  check "$1: it goes on bit for bit" grep -q 'continues bit for bit' <("$CORSAC" inspect "$tmp/$1.half")
}
async() {
  expect_status "$1 async" 0 $MPIRUN -n 5 "$CORSAC" train --env "$tmp/$1.so" $small --ranks-per-env 2 --env-steps 600 --eval-every 300 --run-dir "$tmp/$1.async"
  check "$1: all ranks leave" grep -q 'done after 600 steps' "$tmp/$1.async/log.txt"
  check "$1: it says how to go on" grep -q -- '-n 5 .*--resume' "$err"
}
same() { # NAME LEFT RIGHT GROUP: all numbers below it
  [ -n "$PYTHON" ] || { skip "$1: no python3-h5py here" && return; }
  check "$1" $PYTHON - "${@:2}" <<'P'
import sys, h5py, numpy
a, b = (h5py.File(f) for f in sys.argv[1:3])
count = 0
def look(name, x):
    global count
    if isinstance(x, h5py.Dataset):
        assert numpy.array_equal(x[()], b[sys.argv[3]][name][()]), name
        count += 1
a[sys.argv[3]].visititems(look)
assert count > 3 and numpy.array_equal(a["replay/obs"][()], b["replay/obs"][()])
P
}

if command -v mpicc >/dev/null; then
  compiled heat heat.c
  expect_status 'a test of its trajectory compiles' 0 mpicc -std=c11 -Wall -Wextra -Werror -I"$include" tests/support/mpi_examples/trajectory.c "$tmp/heat.so" -lm -o "$tmp/heat"
  for ranks in 1 2 4; do
    expect_status "it runs on $ranks" 0 $MPIRUN -n $ranks "$tmp/heat"
    check "the same bits on $ranks" grep -qx same "$out"
  done
  sync heat
  async heat
  [ "$CHECK_FULL" = 1 ] && resume heat
else
  skip 'simulators over MPI in C: no mpicc here'
fi
if command -v mpifort >/dev/null && mpifort --version >/dev/null 2>&1; then
  compiled wave wave.f90
  if [ "$CHECK_FULL" = 1 ]; then
    sync wave
    async wave
  fi
  resume wave
else
  skip 'simulators over MPI in Fortran: no mpifort here'
fi

# Arguments that are refused.
bad 'one process' 2 '1 rank beside the first makes no groups of 2; start .* mpirun -n 3' "$CORSAC" train --env "$plugins/counter.so" --ranks-per-env 2 --run-dir "$tmp/bad"
bad 'a rank too many' 2 '3 ranks beside the first make no groups of 2.* mpirun -n 5' $MPIRUN -n 4 "$CORSAC" train --env "$plugins/counter.so" --ranks-per-env 2 --run-dir "$tmp/bad"
bad 'isolated' 2 'ranks_per_env 2: exec:, gym:, pettingzoo:, fmi: and --isolate run' $MPIRUN -n 3 "$CORSAC" train --env "$plugins/counter.so" --isolate --ranks-per-env 2 --run-dir "$tmp/bad"
bad 'a built-in environment' '[12]' 'ranks_per_env 2 needs a plugin.*Pendulum-v1 runs on one rank' $MPIRUN -n 3 "$CORSAC" train --env Pendulum-v1 --ranks-per-env 2 --run-dir "$tmp/bad"
bad 'a step that fails' 1 'fail_step.so: environment 0 .*step 20 of the episode failed: the solver diverged' $MPIRUN -n 3 "$CORSAC" train \
  --env "$plugins/fail_step.so:20" $small --ranks-per-env 2 --env-max-failures 1 --env-steps 100 --eval-every 0 --run-dir "$tmp/fails"
expect_status 'failures cost episodes, not the job' 0 $MPIRUN -n 3 "$CORSAC" train --env "$plugins/flaky.so:return" $small --ranks-per-env 2 --env-steps 200 --eval-every 0 \
  --run-dir "$tmp/flaky"
check 'and are told' grep -q 'failure 2 of an environment' "$err"
finish

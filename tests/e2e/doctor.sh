#!/usr/bin/env bash
# corsac doctor says what is there and what is wrong.
. "$(dirname "$0")/lib.sh"

expect_status 'one process' 0 env -u OPENBLAS_CORETYPE "$CORSAC" doctor --run-dir "$tmp"
for topic in program blas shm disk locks space mpi; do check "it looks at $topic" grep -qE "^(ok|warn) +$topic " "$out"; done
check 'it leaves nothing behind' [ -z "$(find "$tmp" -name 'corsac-doctor*')" ]
expect_status 'kernels that the environment chose' 0 env OPENBLAS_CORETYPE=Haswell "$CORSAC" doctor --run-dir "$tmp"
check 'are told' grep -qE '^warn +blas .*OPENBLAS_CORETYPE is Haswell: unset it' "$out"
expect_status 'no such directory' 1 "$CORSAC" doctor --run-dir "$tmp/nowhere"
check 'is told' grep -qE '^BAD +disk .*nowhere: is no directory: make it' "$out"
expect_status 'one core of several' 0 taskset -c 0 "$CORSAC" doctor --run-dir "$tmp"
[ "$(nproc)" = 1 ] || check 'is told' grep -qE '^warn +cores +1 of [0-9]+: .*--bind-to none' "$out"
if [ "$(id -u)" = 0 ]; then
  mkdir "$tmp/full" && mount -t tmpfs -o size=1m none "$tmp/full" 2>/dev/null && mounted=1
  if [ -n "${mounted-}" ]; then
    expect_status 'a full disk' 1 "$CORSAC" doctor --run-dir "$tmp/full"
    check 'is told' grep -qE '^BAD +disk .*No space left on device: choose another --run-dir' "$out"
    check 'and left as it was' [ -z "$(ls "$tmp/full")" ]
    umount "$tmp/full"
  else
    skip 'a full disk: no file system can be mounted here'
  fi
else
  skip 'a full disk: only root can mount a small one'
fi
expect_status 'three ranks' 0 $MPIRUN -n 3 "$CORSAC" doctor --run-dir "$tmp"
check 'the nodes are told' grep -qE '^(ok|warn) +node .*: 3 ranks on ' "$out"
check 'and their network' grep -qE '^ok +network .* us, .* GB/s, [0-9]+ messages of 4 KB a second' "$out"
check 'by one rank' [ "$(grep -c program "$out")" = 1 ]
for task in 0 1; do
  expect_status "task $task of a srun that MPI does not know of" 1 env SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=$task "$CORSAC" doctor --run-dir "$tmp"
  check "task $task: the first says so" [ "$(grep -cE '^BAD +launcher +srun started 2 processes .*srun --mpi=pmix' "$out")" = $((1 - task)) ]
done
bad 'an unknown option' 2 'run-dir' "$CORSAC" doctor --run-dor x
finish

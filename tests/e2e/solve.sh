#!/usr/bin/env bash
# Pendulum-v1 is solved after 20,000 steps: ten deterministic evaluation episodes have a mean return above -200.
# CHECK_FULL=1: three seeds with three actors, and sync; else one seed.
. "$(dirname "$0")/lib.sh"

# solve NAME COMMAND...: trains, then asks what was learned
solve() {
  local name=$1 begun run=$tmp/$1
  shift
  begun=$(date +%s.%N)
  expect_status "$name" 0 "$@" --env Pendulum-v1 --env-steps 20000 --eval-every 0 --checkpoint-every 0 --run-dir "$run"
  local seconds
  seconds=$(awk "BEGIN { printf \"%.1f\", $(date +%s.%N) - $begun }")
  expect_status "$name: eval" 0 "$CORSAC" eval "$run" --episodes 10 --json
  local mean
  mean=$(json "$out" return_mean)
  check "$name: it took no more than 20000 steps" json_is "$out" env_steps 20000
  check "$name: ten episodes" json_is "$out" episodes 10
  check "$name: a return of $mean is above -200" above "$mean" -200
  printf '%-12s return %8.1f after 20000 steps, %d updates, %5.1f s\n' "$name" "$mean" "$("$CORSAC" inspect "$run" --json | sed -n 's/.*"updates": *\([0-9]*\).*/\1/p')" "$seconds"
}
solve async-1 $MPIRUN -n 4 "$CORSAC" train --seed 1
if [ "$CHECK_FULL" = 1 ]; then
  solve async-2 $MPIRUN -n 4 "$CORSAC" train --seed 2
  solve async-3 $MPIRUN -n 4 "$CORSAC" train --seed 3
  solve sync-1 $MPIRUN -n 4 "$CORSAC" train --seed 1 --sync
  solve process-1 "$CORSAC" train --seed 1
fi
finish

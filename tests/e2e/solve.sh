#!/usr/bin/env bash
# Pendulum-v1 is solved after 20,000 steps: ten deterministic evaluation episodes have a mean return
# above -200. One seed with three actors, and sync; CHECK_FULL=1: three seeds, and one process.
. "$(dirname "$0")/lib.sh"

# solve NAME COMMAND...: trains for $steps, then asks what was learned
steps=20000
solve() {
  local name=$1 begun run=$tmp/$1
  shift
  begun=$(date +%s.%N)
  expect_status "$name" 0 "$@" --env Pendulum-v1 --env-steps $steps --eval-every 0 --checkpoint-every 0 --run-dir "$run"
  local seconds
  seconds=$(awk "BEGIN { printf \"%.1f\", $(date +%s.%N) - $begun }")
  expect_status "$name: eval" 0 "$CORSAC" eval "$run" --episodes 10 --json
  local mean
  mean=$(json "$out" return_mean)
  check "$name: it took no more than 20000 steps" above 20001 "$(json "$out" env_steps)"
  check "$name: ten episodes" json_is "$out" episodes 10
  check "$name: a return of $mean is above -200" above "$mean" -200
  printf '%-12s return %8.1f after %d steps, %d updates, %5.1f s\n' "$name" "$mean" "$(json "$out" env_steps)" "$("$CORSAC" inspect "$run" --json | sed -n 's/.*"updates": *\([0-9]*\).*/\1/p')" "$seconds"
}
solve async-1 $MPIRUN -n 4 "$CORSAC" train --seed 1
steps=19998 # a round of sync mode is three steps, and the last one is made whole
solve sync-1 $MPIRUN -n 4 "$CORSAC" train --seed 1 --sync
steps=20000
if [ "$CHECK_FULL" = 1 ]; then
  solve async-2 $MPIRUN -n 4 "$CORSAC" train --seed 2
  solve async-3 $MPIRUN -n 4 "$CORSAC" train --seed 3
  solve process-1 "$CORSAC" train --seed 1
fi
finish

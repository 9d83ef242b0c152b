#!/bin/sh
# Trains Pendulum-v1 on 4 ranks (1 learns, 3 act), then evaluates what was learned: launch/train/demo.sh RUN_DIR
# `make demo` builds the program first and sets CORSAC and MPIRUN.
set -eu
run=$1
: "${CORSAC:=build/release/corsac}" "${MPIRUN:=mpirun --bind-to none --oversubscribe}"

step() {
  printf '\n$ %s\n' "$*"
  "$@"
}

rm -rf "$run" # a run never overwrites another, so the last demo is removed
step $MPIRUN -n 4 "$CORSAC" train --env Pendulum-v1 --env-steps 15000 --log-every 1500 --run-dir "$run"

printf '\nThe return of an episode (about -1200 at random, better than -200 is solved), from %s/metrics.csv:\n' "$run"
LC_ALL=C awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; printf "%10s %10s %12s %10s\n", "env steps", "updates", "return mean", "steps/s"; next }
  $at["return_mean"] != "" { printf "%10s %10s %12.1f %10.0f\n", $at["env_steps"], $at["updates"], $at["return_mean"], $at["env_steps_per_s"] }' "$run/metrics.csv"

step "$CORSAC" eval "$run" --episodes 10
step "$CORSAC" inspect "$run"
cat <<END

Go on from here with:
  $MPIRUN -n 8 $CORSAC train --resume $run --env-steps 30000    # on other ranks
  $CORSAC report $run                                           # one page about it, for a browser
  $CORSAC explain $run                                          # one sampled action in numbers
  $CORSAC export $run --format c                                # the policy as a C file
END

#!/usr/bin/env bash
# What corsac sets for any environment: the length of an episode, frames for each action, and the
# bounds of actions. Each reaches training, evaluation and a resume, in sync on any number of ranks.
. "$(dirname "$0")/lib.sh"

short="$small --checkpoint-every 0"
unbounded=$plugins/faulty.so:infinite_bound

# --- the length of an episode ---------------------------------------------------------------------
train '50 steps instead of 200' $short --max-episode-steps 50 --run-dir "$tmp/short"
check 'end an episode' [ "$(column "$tmp/short/metrics.csv" episode_length_mean | sort -u | grep .)" = 50 ]
expect_status 'in an evaluation, too' 0 "$CORSAC" eval "$tmp/short" --episodes 2 --json
check 'of 50 steps' json_is "$out" length_mean 50.0

# --- frames for an action -------------------------------------------------------------------------
skips="$short --frame-skip 4"
expect_status 'four frames for an action, sync on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" train $skips --sync --envs 2 --run-dir "$tmp/ranks"
check 'divide the length of an episode' [ "$(column "$tmp/ranks/metrics.csv" episode_length_mean | sort -u | grep .)" = 50 ]
check 'env_steps counts actions' [ "$(column "$tmp/ranks/metrics.csv" env_steps | tail -n 1)" = 300 ]
train 'in one process' $skips --sync --envs 2 --run-dir "$tmp/one"
timeless() { cut -d, -f 2-16 "$1/metrics.csv"; }
check 'give the same rows' [ "$(timeless "$tmp/ranks")" = "$(timeless "$tmp/one")" ]
# A step in halves, between which others compute, is the same step. --isolate makes them.
linear="--env $plugins/linear.so --hidden 8,8 --batch-size 16 --learning-starts 60 --env-steps 300 --eval-every 0 --log-every 50"
for isolate in no-isolate isolate; do
  train "three frames of a plugin, $isolate" $linear --sync --envs 2 --frame-skip 3 --$isolate --run-dir "$tmp/$isolate"
done
check 'in two processes are the same' [ "$(timeless "$tmp/isolate")" = "$(timeless "$tmp/no-isolate")" ]
bad 'a resume keeps it' 2 'frame_skip: the run has 4 .*cannot change it to 2' "$CORSAC" train --resume "$tmp/one" --frame-skip 2

# --- bounds of actions ----------------------------------------------------------------------------
train 'narrower bounds' $short --action-low -1 --action-high 0.5 --run-dir "$tmp/bounds"
expect_status 'are those of an evaluation' 0 "$CORSAC" eval "$tmp/bounds" --episodes 2 --trace "$tmp/trace.csv"
check 'whose actions keep them' awk '$1 < -1 || $1 > 0.5 { wrong = 1 } END { exit wrong || NR < 100 }' <(column "$tmp/trace.csv" action_0)
printf 'action_low: [-1]\naction_high: [0.5]\n' >"$tmp/bounds.yaml"
train 'in YAML' $short --config "$tmp/bounds.yaml" --env-steps 100 --run-dir "$tmp/yaml"
check 'they are the same' grep -qx 'action_high: 0.5' "$tmp/yaml/config.yaml"
bad 'wider ones' 2 'action_high 3 of action component 0 lies outside .* \[-2, 2\]' "$CORSAC" train $short --action-high 3 --run-dir "$tmp/wide"
bad 'as many as components' 2 'action_low has 2 numbers, but an action has 1 component' "$CORSAC" train $short --action-low -1,-1 --run-dir "$tmp/two"
bad 'an action without a bound' 2 'component 0 is unbounded, \[-1, inf\].*--action-low and --action-high' "$CORSAC" train --env "$unbounded" --run-dir "$tmp/no"
bad 'no numbers' 2 'action-low: must be 1 to 40 numbers' "$CORSAC" train $short --action-low x
expect_status 'check-env asks for bounds' 1 "$CORSAC" check-env "$unbounded" --episodes 1
check 'by name' grep -qE '^error +spec .*--action-low and --action-high' "$out"
run "$CORSAC" check-env "$unbounded" --episodes 1 --action-high 1
check 'and takes them' grep -qE '^ok +spec ' "$out"
finish

#!/usr/bin/env bash
# What the program prints, and what a run directory holds.
. "$(dirname "$0")/lib.sh"

# prints NAME REGEX COMMAND...: exits 0, says nothing on stderr, and a line of stdout matches
prints() {
  expect_status "$1" 0 "${@:3}"
  if grep -qE -- "$2" "$out" && [ ! -s "$err" ]; then pass; else fail "$1" "no line like '$2', or words on stderr"; fi
}
prints '--version' '^corsac [0-9]+\.[0-9]+\.[0-9]+$' "$CORSAC" --version
prints '--help' 'corsac inspect ' "$CORSAC" --help
prints 'help' 'corsac inspect ' "$CORSAC" help
for command in train eval inspect envs check-env new-env options recipes bench; do
  prints "$command --help" "^(  )?.*corsac $command" "$CORSAC" $command --help
  check "$command --help has an example" grep -qE '^Examples?:$' "$out"
  check "help $command begins with it" sh -c '"$1" help "$2" | head -c "$(wc -c <"$3")" | cmp -s - "$3"' sh "$CORSAC" $command "$out"
  check "$command --help fits 132 columns" sh -c '! grep -qE ".{133}" "$1"' sh "$out"
done
prints 'help lists topics' '^  start +[a-z]' "$CORSAC" help
for topic in $("$CORSAC" help --topics); do
  prints "help $topic" '^[A-Z].*: [a-z]' "$CORSAC" help $topic
done
prints 'options' '^  --batch-size COUNT ' "$CORSAC" options
listed=$(grep -cE '^  --' "$out")
prints 'options --yaml' '^batch_size: 256' "$CORSAC" options --yaml
cp "$out" "$tmp/default.yaml"
check 'options --yaml has all that options lists' [ "$(grep -cE '^[a-z_]+:' "$out")" -ge $((listed - 2)) ]
for option in env seed run_dir env_steps sync sync_steps envs hidden critics target_subset critic_layer_norm batch_size gamma tau lr_actor \
  lr_critic lr_alpha alpha target_entropy reward_scale normalize_observations utd utd_slack learning_starts replay_capacity n_step \
  learner_threads checkpoint_every checkpoint_keep checkpoint_replay eval_every eval_episodes log_every max_hours; do
  grep -qE "^$option:" "$out" && continue
  fail "options --yaml has $option"
done
prints 'envs' '^Pendulum-v1 +3 +1 +200$' "$CORSAC" envs
prints 'envs --json' 'MountainCarContinuous-v0' "$CORSAC" envs --json
cp "$out" "$tmp/envs.json"

# --- a run and its directory ----------------------------------------------------------------------
run=$tmp/run
train 'a run' $small --sync --run-dir "$run" --max-hours 1
for file in config.yaml metrics.csv log.txt status.json ckpt-100.h5 ckpt-200.h5 ckpt-300.h5 best.h5; do
  check "the run directory holds $file" [ -s "$run/$file" ]
done
check 'and nothing else' [ "$(ls "$run" | grep -cvE '^(config.yaml|metrics.csv|log.txt|status.json|lock|ckpt-[0-9]+.h5|best.h5|events.out.tfevents.*)$')" = 0 ]
check 'the lock is given back' [ ! -s "$run/lock" ]
cp "$err" "$tmp/end"
check 'nothing on stdout' [ ! -s "$out" ]
check 'no control characters where stderr is no terminal' sh -c '! grep -q "$(printf "[\033\015]")" "$1"' sh "$err"
check 'log.txt has what stderr had' cmp -s <(grep -F 'evaluation at 300' "$run/log.txt") <(grep -F 'evaluation at 300' "$err")

columns=time_s,env_steps,updates,episodes,return_mean,return_min,return_max,episode_length_mean,critic_loss,policy_loss,alpha,entropy,q_mean,utd,policy_lag_mean,policy_lag_max,learner_wait,actor_wait,env_steps_per_s,updates_per_s,actors_alive,eval_return_mean
check "metrics.csv's header" grep -q "^$columns" <(head -n 1 "$run/metrics.csv")
check 'a row for each 50 of 300 steps' [ "$(column "$run/metrics.csv" env_steps | tr '\n' ' ')" = '50 100 150 200 250 300 ' ]
check 'every row has every column' awk -F, 'NR == 1 { n = NF } NF != n { exit 1 }' "$run/metrics.csv"
check 'updates follow utd past learning_starts' [ "$(column "$run/metrics.csv" updates | tr '\n' ' ')" = '0 40 90 140 190 240 ' ]
check 'two evaluations are in it' [ "$(column "$run/metrics.csv" eval_return_mean | grep -c .)" = 2 ]
check 'no losses before learning_starts' [ -z "$(column "$run/metrics.csv" critic_loss | head -n 1)" ]

# keys FILE KEY=VALUE...: of status.json and the like
keys() {
  local file=$1 pair
  shift
  for pair in "$@"; do
    if json_is "$file" "${pair%%=*}" "${pair#*=}"; then pass; else fail "${file##*/}: $pair" "it is '$(json "$file" "${pair%%=*}")'"; fi
  done
}
keys "$run/status.json" state=done exit_code=0 env_steps=300 updates=240 checkpoint=ckpt-300.h5
for key in reason host pid updated; do check "status.json has $key" grep -q "\"$key\"" "$run/status.json"; done

# The last lines of a run are commands to be typed.
cp -r "$run" "$tmp/copy"
for what in evaluate 'look inside' 'go on'; do
  command=$(sed -nE "s/.* info +$what: +//p" "$tmp/end" | sed "s#$run#$tmp/copy#")
  check "the end says how to $what" [ -n "$command" ]
  expect_status "and '$command' works" 0 bash -c "${command:-false}"
done
check 'going on doubled the steps' json_is "$tmp/copy/status.json" env_steps 600
expect_status 'eval' 0 "$CORSAC" eval "$run" --episodes 3
expect_status 'eval --json' 0 "$CORSAC" eval "$run" --episodes 3 --json
cp "$out" "$tmp/eval.json"
check 'eval --json says nothing else' [ ! -s "$err" ]
keys "$tmp/eval.json" env=Pendulum-v1 env_steps=300 episodes=3 length_mean=200.0
expect_status 'eval again' 0 "$CORSAC" eval "$run/ckpt-300.h5" --episodes 3 --json
check 'gives the same, from the file too' cmp -s "$out" "$tmp/eval.json"
expect_status 'eval with another seed' 0 "$CORSAC" eval "$run" --episodes 3 --json --seed 8
check 'gives other episodes' sh -c '! cmp -s "$1" "$2"' sh "$out" "$tmp/eval.json"
expect_status 'eval of best.h5' 0 "$CORSAC" eval "$run/best.h5" --episodes 2 --json
expect_status 'eval by the episodes of training' 0 "$CORSAC" eval "$run" --episodes 2 --json
check 'gives the return that training saw' awk -v a="$(json "$out" return_mean)" -v b="$(column "$run/metrics.csv" eval_return_mean | tail -n 1)" \
  'BEGIN { exit !((a - b) ^ 2 <= (1e-6 * b) ^ 2) }'
expect_status 'inspect' 0 "$CORSAC" inspect "$run"
check 'it lists all checkpoints' [ "$(grep -cE 'ckpt-[123]00.h5 .* good$' "$out")" = 3 ]
expect_status 'inspect --json' 0 "$CORSAC" inspect "$run" --json
cp "$out" "$tmp/inspect.json"
# Policy: 3-8-8 and two heads of 1; critics: 4-8-8-1, two of them.
keys "$tmp/inspect.json" ok=true format_version=1 env=Pendulum-v1 obs_dim=3 act_dim=1 history=1 env_steps=300 updates=240 exact=true \
  parameters=$(((3 * 8 + 8) + (8 * 8 + 8) + 2 * (8 + 1) + 2 * ((4 * 8 + 8) + (8 * 8 + 8) + (8 + 1)))) replay_size=300 replay_capacity=1000 \
  "program_version=$("$CORSAC" --version | sed 's/corsac //')" "file=$run/ckpt-300.h5"
head -c 2000 "$run/ckpt-300.h5" >"$tmp/damaged.h5"
expect_status 'inspect --json of a damaged file' 1 "$CORSAC" inspect "$tmp/damaged.h5" --json
check 'says so in the object' json_is "$out" ok false
if [ -n "$PYTHON" ]; then
  check 'the keys of every JSON object are those promised' $PYTHON - "$tmp" <<'END'
import json, sys
load = lambda name: json.load(open(sys.argv[1] + "/" + name + ".json"))
assert set(load("eval")) == set("env env_steps policy_version episodes return_mean return_std return_min return_max length_mean returns "
                                "cut info cases first_observation first_action".split()), load("eval")
assert len(load("eval")["returns"]) == 3 and len(load("eval")["first_observation"]) == 3 and len(load("eval")["first_action"]) == 1
assert set(load("inspect")) == set("file ok format_version program_version env obs_dim act_dim history env_steps updates policy_version exact "
                                   "parameters replay_size replay_capacity state".split()), load("inspect")
for env in load("envs"):
    assert set(env) == set("name obs_dim act_dim max_episode_steps available why".split()), env
assert {"Pendulum-v1", "MountainCarContinuous-v0"} <= {env["name"] for env in load("envs")}
END
else
  skip 'the keys of JSON objects: no Python here'
fi

# --- configuration: the file of one run makes the same run; the command line goes over it ---------
train 'config.yaml through --config' --config "$run/config.yaml" --run-dir "$tmp/again"
check 'makes the same run' cmp -s <(column "$run/metrics.csv" critic_loss) <(column "$tmp/again/metrics.csv" critic_loss)
train 'options over a file' --config "$run/config.yaml" --env-steps 120 --seed=4 --eval-every 0 --no-sync --run-dir "$tmp/over"
check 'are in config.yaml' grep -q '^env_steps: 120' "$tmp/over/config.yaml"
check 'other options stay' grep -qE '^hidden: .*8, ?8' "$tmp/over/config.yaml"
check 'a switch can be turned off' grep -q '^sync: false' "$tmp/over/config.yaml"
train "the environment's preset" --env Pendulum-v1 --env-steps 20 --run-dir "$tmp/preset"
check 'preset over defaults' grep -qE '^hidden: .*64, ?64' "$tmp/preset/config.yaml"
check 'and defaults below it' grep -q '^gamma: 0.99' "$tmp/preset/config.yaml"
(cd "$tmp" && run "$CORSAC" train $small --env-steps 20 --learning-starts 5 && exit $status)
check 'without --run-dir' [ $? = 0 ]
check 'it is runs/<env>-<time>' sh -c 'test -s "$1"/runs/Pendulum-v1-20*/ckpt-20.h5' sh "$tmp"
train 'checkpoint_keep' $small --checkpoint-every 50 --checkpoint-keep 2 --eval-every 0 --run-dir "$tmp/keep"
check 'keeps the newest two' [ "$(ls "$tmp/keep" | grep -c '^ckpt-')" = 2 ]
check 'no best.h5 without evaluations' [ ! -e "$tmp/keep/best.h5" ]
expect_status 'one rank under mpirun' 0 $MPIRUN -n 1 "$CORSAC" train $small --sync --run-dir "$tmp/one"
check 'is the same as one process' cmp -s <(column "$run/metrics.csv" critic_loss) <(column "$tmp/one/metrics.csv" critic_loss)
expect_status 'help under mpirun' 0 $MPIRUN -n 3 "$CORSAC" train --help
check 'comes from one rank' [ "$(grep -c '^Examples:' "$out")" = 1 ]
expect_status 'more ranks than environments' 0 $MPIRUN -n 4 "$CORSAC" train $small --envs 2 --run-dir "$tmp/surplus"
check 'are named once' [ "$(grep -c 'warn.*2 environments on 3 actors' "$err")" = 1 ]
for utd in 0.01 0.003 20; do # updates that are rarer than batches, or many for each step
  expect_status "utd $utd" 0 timeout 60 $MPIRUN -n 3 "$CORSAC" train $small --utd $utd --env-steps 1100 --eval-every 0 --run-dir "$tmp/utd$utd"
  check "utd $utd is kept" json_is "$tmp/utd$utd/status.json" updates "$(awk "BEGIN { print int($utd * (1100 - 60)) }")"
done
# mpirun silently binds two ranks to a core each.
if [ "$(nproc)" -gt 1 ] && mpirun --version 2>/dev/null | grep -q 'Open MPI'; then
  run mpirun --bind-to core --oversubscribe -n 2 "$CORSAC" train $small --learner-threads 2 --run-dir "$tmp/bound"
  check 'a learner that mpirun binds: the line that does not' grep -q 'mpirun has bound the learner to 1 of .*: mpirun --bind-to none.* -n 2 corsac train' "$err"
  run $MPIRUN -n 2 "$CORSAC" train $small --learner-threads 2 --run-dir "$tmp/free"
  check 'one that it does not' sh -c "! grep -q 'has bound' '$err'"
fi
# --- what is asked for and does nothing is said, in the log too -----------------------------------
train 'a round that is longer than the run' $small --sync --envs 2 --sync-steps 200 --learning-starts 400 --min-actors 2 --run-dir "$tmp/round"
for words in 'envs 2 x sync_steps 200 = 400 steps: 400 steps will be made, not env_steps 300; .* multiple of 400, or lower --sync-steps or --envs' \
  'nothing is learned: .* the job ends at 400; set --env-steps above 400, or lower --learning-starts' \
  'min_actors 2 has no effect: sync mode'; do
  check "the log says: $words" grep -q "warn.*$words" "$tmp/round/log.txt"
done
check 'and what comes when' grep -q 'info *a row of metrics.csv every 50 steps, an evaluation of 2 episodes every 150 steps, a checkpoint every 100 steps' "$tmp/round/log.txt"
check 'it is as was said' json_is "$tmp/round/status.json" env_steps 400
check 'a run without doubts has none' sh -c '! grep -q warn "$1"' sh "$run/log.txt"

finish

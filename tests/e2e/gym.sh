#!/usr/bin/env bash
# gym:ID, Gymnasium's environments: steps through the bridge are Gymnasium's, bit for bit. Training,
# faults, and the messages where something is missing. A virtual environment is made in build/ (20
# MB, once); skipped where that cannot be done.
. "$(dirname "$0")/lib.sh"

export XDG_DATA_HOME=$root/${BUILD_DIR%/*}/data PYTHONPATH=$root/tests/support/python PYTHONDONTWRITEBYTECODE=1
unset GYM_DIR
if ! timeout 200 env PYTHON=python3 launch/install-gym.sh >"$tmp/install" 2>&1; then
  skip "gym:, because a virtual environment with Gymnasium cannot be made here: $(tail -n 1 "$tmp/install")"
  pass
  finish
fi
python=$XDG_DATA_HOME/corsac/python/bin/python
expect_status 'the Python part by itself' 0 "$python" -W ignore tests/support/python/test_corsac_gym.py
expect_status 'envs' 0 "$CORSAC" envs
check 'says which Gymnasium there is' grep -qE '^gym:ID +Gymnasium [0-9.]+ of .*/corsac/python/bin/python$' "$out"

# --- beside Gymnasium alone -----------------------------------------------------------------------
trajectories=
for id in Pendulum-v1 corsac_test_envs:test/Box-v0 corsac_test_envs:test/Nested-v0 corsac_test_envs:test/Ends-v0; do
  "$python" -W ignore tests/support/python/gym_trajectory.py "$id" 500 "$tmp/${id##*[:/]}" || fail "Gymnasium plays $id"
  trajectories="$trajectories$id=$tmp/${id##*[:/]} "
done
expect_status 'the same actions through the bridge' 0 env GYM_TEST_PYTHON="$python" GYM_TEST_TRAJECTORIES="$trajectories" "$root/$BUILD_DIR/unit/actor/envs/test_gym"
check 'give the same steps' [ "$(grep -c "steps are Gymnasium's" "$out")" = 4 ]

# --- training and evaluation ----------------------------------------------------------------------
small="$small --replay-capacity 1000"
gym="$small --env gym:Pendulum-v1"
expect_status 'async on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" train $gym --run-dir "$tmp/async"
expect_status 'is evaluated' 0 "$CORSAC" eval "$tmp/async" --episodes 2 --json
check 'under its name' json_is "$out" env gym:Pendulum-v1
check 'episodes end where Gymnasium truncates them' json_is "$out" length_mean 200.0
# The built-in Pendulum-v1 is the same task, so a policy trained there works here.
train 'the built-in one is trained' --env Pendulum-v1 --seed 1 --env-steps 6000 --eval-every 0 --log-every 2000 --run-dir "$tmp/built-in"
expect_status 'and evaluated with gym:' 0 "$CORSAC" eval "$tmp/built-in" --env gym:Pendulum-v1 --episodes 20 --json
check "with returns as good, $(json "$out" return_mean)" above "$(json "$out" return_mean)" -400
train 'arrays, Dict, Tuple, images, float64' $small --env gym:corsac_test_envs:test/Nested-v0 --env-steps 100 --eval-every 0 --run-dir "$tmp/nested"

if [ "$CHECK_FULL" = 1 ]; then
  expect_status 'async is resumed' 0 $MPIRUN -n 2 "$CORSAC" train --resume "$tmp/async" --env-steps 500
  sync="$gym --sync --sync-steps 5 --envs 3"
  expect_status 'sync on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" train $sync --run-dir "$tmp/sync"
  train 'sync in one process' $sync --run-dir "$tmp/one"
  if [ -n "$PYTHON" ]; then
    check 'the checkpoints are the same' "$PYTHON" "$h5" same "$tmp/sync/ckpt-300.h5" "$tmp/one/ckpt-300.h5"
  else
    skip 'the checkpoints are the same: no python3-h5py here'
  fi
  expect_status 'sync is resumed' 0 $MPIRUN -n 2 "$CORSAC" train --resume "$tmp/sync" --env-steps 600
  train 'four at once in one actor' $gym --envs 4 --run-dir "$tmp/four"
  expect_status 'make install' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$(basename "$BUILD_DIR")" install PREFIX="$tmp/prefix"
  expect_status 'the installed program finds its files' 0 "$tmp/prefix/bin/corsac" eval "$tmp/async" --episodes 1
fi

# --- keyword arguments, wrappers, limits ----------------------------------------------------------
few="$small --env-steps 100 --eval-every 0 --learning-starts 50"
arguments=corsac_test_envs:test/Arguments-v0
wrap='--gym-wrap corsac_test_envs:Doubled,corsac_test_envs:plus_one'
train 'arguments and wrappers' $few --env "gym:$arguments?gain=3&name=x%26y" $wrap --run-dir "$tmp/arguments"
check 'reach the environment' [ "$(column "$tmp/arguments/metrics.csv" return_mean | tail -n 1)" = 70 ] # 10 x (2 x 3 + 1)
expect_status 'and an evaluation' 0 "$CORSAC" eval "$tmp/arguments" --episodes 1 --json
check 'too' json_is "$out" return_mean 70.0
check 'the name is without them' json_is "$out" env "gym:$arguments"
printf 'env:\n  id: gym:%s\n  gain: 3\n  name: x&y\n' "$arguments" >"$tmp/arguments.yaml"
train 'in YAML' ${few/--env Pendulum-v1} --config "$tmp/arguments.yaml" $wrap --max-episode-steps 20 --frame-skip 2 --run-dir "$tmp/yaml"
check 'with a longer limit than the registered one' [ "$(column "$tmp/yaml/metrics.csv" return_mean | tail -n 1)" = 280 ] # 40 x 7

# --- info -----------------------------------------------------------------------------------------
informed="--env gym:corsac_test_envs:test/Info-v0"
train 'numbers of info' $few $informed --run-dir "$tmp/info"
check 'are columns, the success first' grep -qE ',info_is_success,info_t,info_energy_kinetic,info_energy_left_arm$' "$tmp/info/metrics.csv"
check 'a success counts where an episode ends' [ "$(column "$tmp/info/metrics.csv" info_is_success | tail -n 1)" = 0 ]
check 'others in every step' awk '$1 < 5 || $1 > 6 { exit 1 }' <(column "$tmp/info/metrics.csv" info_t)
train 'with a rule' $few $informed --gym-info is_success:max,t:last --run-dir "$tmp/ruled"
check 'a success counts in any step' [ "$(column "$tmp/ruled/metrics.csv" info_is_success | tail -n 1)" = 1 ]
check 'the last value' [ "$(column "$tmp/ruled/metrics.csv" info_t | tail -n 1)" = 10 ]

# --- an environment that fails costs an episode ---------------------------------------------------
episodes="$small --eval-every 0 --env-steps 60 --learning-starts 30 --log-every 10"
faults=Raise
[ "$CHECK_FULL" = 1 ] && faults='Raise NaN Sleep'
for fault in $faults; do
  train "$fault" $episodes --env gym:corsac_test_envs:test/$fault-v0 --env-timeout 8 --run-dir "$tmp/$fault"
  check "$fault is counted" above "$(column "$tmp/$fault/metrics.csv" env_failures | awk '{ n += $1 } END { print n }')" 1
done
check 'the log has what was raised, and where' grep -q 'RuntimeError: the mesh is gone (corsac_test_envs.py, line [0-9]*)' "$tmp/Raise/log.txt"

# refused NAME WORDS ARGUMENTS...: train fails at once, and says so
refused() {
  expect_status "$1" 1 "$CORSAC" train $small --env-max-failures 1 --run-dir "$tmp/refused" "${@:3}"
  check "$1 says: $2" grep -qE -- "$2" "$err"
  rm -rf "$tmp/refused"
}
printf '#!/bin/sh\nexec "%s" -S "$@"\n' "$python" >"$tmp/bare-python" && chmod +x "$tmp/bare-python"
refused 'an argument that it does not take' "unexpected keyword argument 'gian'" --env "gym:$arguments?gian=3"
refused 'a rule that is none' 'gym-info t:sum: it is auto, none, or NAME' $informed --gym-info t:sum
refused 'a value of Python' 'True is no literal of JSON: write true' --env "gym:$arguments?gain=True"
refused 'a wrapper that is not there' 'gym-wrap corsac_test_envs:nobody: AttributeError' --env "gym:$arguments" --gym-wrap corsac_test_envs:nobody
refused 'discrete actions' 'the action is a Discrete\(4\)' --env gym:corsac_test_envs:test/Discrete-v0
refused 'a Python without Gymnasium' 'cannot import Gymnasium .*install-deps.sh gym' --env gym:Pendulum-v1 --python "$tmp/bare-python"
refused 'no such Python' 'python /nowhere/python: there is no such program.*install-deps.sh gym' --env gym:Pendulum-v1 --python /nowhere/python
bad 'bounds without an end' 2 'action component 1 is unbounded, \[-inf, inf\].*--action-low and --action-high' "$CORSAC" train $few --env gym:corsac_test_envs:test/Unbounded-v0 --run-dir "$tmp/unbounded"
train 'which options give' $few --env gym:corsac_test_envs:test/Unbounded-v0 --action-low -1 --action-high 1,0.5 --run-dir "$tmp/bounded"
if [ "$CHECK_FULL" = 1 ]; then
  refused 'an observation with a discrete part' "the observation\['mode'\] is a Discrete\(3\).*possible are Box" --env gym:corsac_test_envs:test/Mode-v0
  refused 'a shape that is not the space' 'shape \(3,\); its space says \(2, 3\)' --env gym:corsac_test_envs:test/Shape-v0
  refused 'what always raises' 'the mesh is gone' --env gym:corsac_test_envs:test/RaiseAlways-v0
  CORSAC_SIM_LIBRARY=/nowhere/libcorsac_sim.so refused 'libcorsac_sim is not found' 'CORSAC_SIM_LIBRARY names it' --env gym:Pendulum-v1
  refused 'no such environment' "Environment \`Pendulam\` doesn't exist" --env gym:Pendulam-v1
  refused 'no such module' "No module named 'no_such_module'" --env gym:no_such_module:A-v0
fi
run "$CORSAC" envs --python "$tmp/bare-python"
check 'envs says that Gymnasium is missing' grep -qE '^gym:ID +not available: .*has no Gymnasium.*install-deps.sh gym' "$out"

# --- parallel environments, as PettingZoo's -------------------------------------------------------
walkers=pettingzoo:corsac_test_parallel
expect_status 'check-env of walkers' 0 "$CORSAC" check-env "$walkers" --episodes 4
check 'three agents that come and go' grep -qE '^ok +agents +3 agents: they came [0-9]+ times and left [1-9]' "$out"
train 'walkers' $small --env "$walkers?walkers=5&length=30" --env-steps 400 --run-dir "$tmp/walkers"
check 'make more transitions than steps' awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "transitions") k = i } END { exit !($k > 800) }' "$tmp/walkers/metrics.csv"
walk="$small --env $walkers --sync --sync-steps 10 --envs 2 --env-steps 300"
train 'in sync mode' $walk --run-dir "$tmp/walk.one"
expect_status 'and on ranks' 0 $MPIRUN -n 3 "$CORSAC" train $walk --run-dir "$tmp/walk.ranks"
check 'the same' cmp -s <(cut -d, -f2-16 "$tmp/walk.one/metrics.csv") <(cut -d, -f2-16 "$tmp/walk.ranks/metrics.csv")
no() { bad "$1" 1 "$2" "$CORSAC" train --env "$walkers?$3" --env-steps 40 --learning-starts 20 --env-max-failures 1 --run-dir "$tmp/no"; rm -rf "$tmp/no"; }
no 'other spaces' 'agent walker_2 has other spaces than walker_0' wrong=spaces
no 'discrete actions' 'actions are continuous: a Box' space=discrete
no 'an exception' 'RuntimeError: the walkers fell asleep' wrong=raises
no 'an argument that is unknown' 'parallel_env failed: TypeError' nothing=3
echo 'two k=2' >"$tmp/cases"
bad 'a case arrives' 1 'RuntimeError: the case is two k=2' "$CORSAC" train --env "$walkers?wrong=case" --cases "$tmp/cases" --env-max-failures 1 --run-dir "$tmp/no"
rm -rf "$tmp/no"
bad 'no ranks of its own' 2 'gym:, pettingzoo:, fmi: and --isolate' $MPIRUN -n 3 "$CORSAC" train --env "$walkers" --ranks-per-env 2 --run-dir "$tmp/no"
mkdir "$tmp/here"
expect_status 'its default directory' 0 sh -c 'cd "$0" && "$@"' "$tmp/here" "$CORSAC" train $small --isolate --scratch scratch --env "$walkers?walkers=3"
check 'has the name of the module' sh -c "ls '$tmp/here/runs' | grep -q '^corsac_test_parallel-'"
check 'and no option is said to be idle' [ "$(grep -c 'no effect' "$err")" = 0 ]
bad 'no such module' 1 'no_such_module cannot be imported.*install-deps.sh pettingzoo' "$CORSAC" train --env pettingzoo:no_such_module --run-dir "$tmp/no"
rm -rf "$tmp/no"
bad 'not a module of PettingZoo' 1 'json has no parallel_env' "$CORSAC" train --env pettingzoo:json --run-dir "$tmp/no"
rm -rf "$tmp/no"
bad 'no module' 2 'names no environment: pettingzoo:MODULE' "$CORSAC" train --env pettingzoo: --run-dir "$tmp/no"

# --- the manual's commands ------------------------------------------------------------------------
block sh gym: >"$tmp/blocks"
block sh 'gym:Pendulum-v1?g=' >>"$tmp/blocks"
sed -E 's/ +#.*//; s/^(.* train .*)$/\1 --hidden 8,8 --batch-size 16 --env-steps 300/' "$tmp/blocks" >"$tmp/commands"
check 'the manual has commands' [ "$(grep -c 'corsac train' "$tmp/commands")" = 3 ]
mkdir "$tmp/work" "$tmp/bin" && block yaml 'id: gym:' >"$tmp/work/pendulum.yaml" && ln -s "$CORSAC" "$tmp/bin/corsac" && ln -s "$root/launch" "$tmp/work/launch"
PATH=$tmp/bin:$PATH expect_status 'they work' 0 sh -ec "cd '$tmp/work' && $(cat "$tmp/commands")"
finish

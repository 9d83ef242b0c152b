#!/usr/bin/env bash
# corsac check-env: each rule has an environment that breaks it, and the report says which, where
# and what would be right.
. "$(dirname "$0")/lib.sh"

# verdict FAULT EXIT LEVEL RULE TEXT: that line is in the report on rules.so:FAULT
verdict() {
  expect_status "$1" "$2" "$CORSAC" check-env "$plugins/rules.so:$1" --timeout 1 --episodes 5
  if grep -qE "^$3 +$4 +.*$5" "$out"; then pass; else fail "$1: $3 $4" "no line like '$5' in: $(grep -vE '^(ok|skipped) ' "$out")"; fi
}
# Faults that other rules show as well.
also() { [ "$CHECK_FULL" = 0 ] || verdict "$@"; }
clean() { # NAME ENV: no error, no warning
  expect_status "$1 is clean" 0 "$CORSAC" check-env "$2"
  check "$1 has no warning" grep -q ': 0 errors, 0 warnings, ' "$out"
}
clean 'the plugin that breaks nothing' "$plugins/rules.so"
check 'every rule is kept' [ "$(grep -c '^ok ' "$out")" = 35 ]
clean 'Pendulum-v1' Pendulum-v1
check 'what it does not have is skipped' grep -qE '^skipped +info +it has no named values' "$out"
# Each change of the process has a rule.
for what in round:rounding flush:flush-to-zero traps:traps handlers:handlers mask:mask umask:umask; do
  expect_status "$what" 0 "$CORSAC" check-env "$plugins/rude.so:${what%:*}" --episodes 2
  check "$what is a warning" grep -qE "^warning +${what#*:} +create .*changed .*sets back.*: otherwise" "$out"
done
expect_status 'an environment that may exist once' 0 "$CORSAC" check-env "$plugins/one_per_process.so"
check 'never exists twice' grep -qE '^skipped +two instances .*CORSAC_ONE_PER_PROCESS' "$out"

verdict no_create 1 error create 'NULL: the licence is gone'
also no_create_reason 1 error create 'wrote no reason'
also crash_create 1 error create 'crashed in create'
verdict write_spec 1 error buffers 'beyond the spec'
also write_error 1 error buffers 'more into error than error_size'
also fail_reset 1 error reset 'reset .episode 1. failed: it returned -5'
verdict exit 1 error end 'reset .*it called exit.3.'
verdict unwritten 1 error observation 'component 2 of obs was not written'
also nan_obs 1 error observation 'component 1 of obs is -?nan'
verdict write_behind 1 error buffers 'outside of obs, which has 3 floats'
also write_before 1 error buffers 'outside of obs'
also write_action 1 error buffers 'around the action'
verdict write_reward 1 error buffers 'around .reward'
verdict no_reward 1 error reward 'step 1 of episode [0-9]+: .reward was not written'
also nan_reward 1 error reward 'the reward is -?nan'
verdict flags 1 error flags 'returned 4; known are CORSAC_TERMINATED'
verdict info_names 1 error info 'value 1 is "place"'
verdict info_rules 1 error info 'the rule of value 1 is 3; known are'
verdict info_more 1 error info 'more than the 2 values'
verdict info_less 0 warning info 'never wrote value 1, speed'
also no_info 0 warning info 'no info_dim'
verdict fail_step 1 error step 'step 5 of episode [0-9]+ failed: it returned -1: the mesh folded'
verdict crash 1 error step 'crashed in step, step 5 of episode [0-9]+: signal 11'
verdict hang 1 error step 'hangs in step, step 5 .*no answer for 1 s'
verdict crash_destroy 1 error create 'crashed in destroy'
also endless 0 warning 'episode length' 'did not end in 10000 steps'
also limit 0 warning 'episode length' 'CORSAC_TERMINATED at step 30'
verdict resets_itself 0 warning 'last observation' 'looks like that of a reset'
# A simulator that does not repeat itself trains all the same: a warning says what is lost.
also keeps 0 warning repeatable 'after reset component 1 of obs is .* and was'
verdict shared_count 0 warning repeatable 'same instance: after reset component 1 .*Lost are the exact resume'
check 'what cannot be compared is skipped' [ "$(grep -cE '^skipped +(seeds|new process|two instances|load|step in halves)' "$out")" = 5 ]
also dirty 0 warning 'new process' 'something differs'
verdict address 0 warning 'new process' 'something differs.*Lost are'
verdict shared 1 error 'two instances' 'CORSAC_ONE_PER_PROCESS'
# Seeds are drawn as training draws them: a reset that looks at their upper bits sees different ones.
verdict top_bits 0 ok seeds 'another seed gives another'
verdict no_seed 0 warning seeds 'another seed gives the same'
verdict save_small 1 error save 'too small for the 32'
verdict save_size 1 error save 'it returns what it needs'
also save_twice 0 warning save 'differs at byte'
verdict save_disturbs 1 error save 'after save it goes on as without: '
also save_never 0 skipped load 'no saved state'
also load_never 1 error load 'it returned -1, not today'
verdict load_part 1 error load 'component'
verdict load_all 1 error 'load of garbage' 'load took a state of 0 bytes.*and 2 more'
verdict load_crash 1 error 'load of garbage' 'crashed in load of 0 bytes'
also load_silent 0 warning 'load of garbage' 'gave no reason'
verdict halves 1 error 'step in halves' 'component'
verdict leak 0 warning 'growth, episodes' 'bytes with each episode'
also leak_instance 0 warning 'growth, instances' 'bytes with each instance'
verdict files 1 error 'growth, episodes' '1.0 open files more with each episode'
# A program that --env starts is looked at, not check-env itself.
program() { # FAULT EXIT LINE
  expect_status "a program: $1" "$2" "$CORSAC" check-env "exec:$faulty $1" --episodes 3
  check "a program: $1 says so" grep -qE "$3" "$out"
}
faulty=$root/$BUILD_DIR/simulators/faulty
program good 0 '^ok +growth, episodes +neither'
program leak 0 '^warning +growth, episodes +memory grows by [0-9]{7} bytes with each episode'
program files 1 '^error +growth, episodes +[0-9.]+ open files more with each episode'
RULES_FLAGS=8 verdict none 1 error table 'flags are 8'
RULES_NAMELESS=1 verdict none 0 warning table 'no name'

# Plugins that cannot be opened, and plugins with wrong bounds.
for case in no_symbol:table:'no symbol corsac_env' old_abi:table:'version 42' zero_dim:spec:'to 0' bad_bounds:spec:'low < high'; do
  IFS=: read -r plugin rule text <<<"$case"
  expect_status "$plugin" 1 "$CORSAC" check-env "$plugins/$plugin.so"
  check "$plugin: $rule" grep -qE "^error +$rule +.*$text" "$out"
done
for bound in no_bounds $([ "$CHECK_FULL" = 0 ] || echo nan_bound infinite_bound inverted_bounds); do
  expect_status $bound 1 "$CORSAC" check-env "$plugins/faulty.so:$bound"
  check "$bound: spec" grep -qE '^error +spec ' "$out"
done

# JSON, and arguments.
expect_status 'json' 1 "$CORSAC" check-env "$plugins/rules.so:crash" --json
check 'it says so' json_is "$out" ok false
check 'and how many' json_is "$out" errors 1
check 'with the finding' grep -q '"text": "it crashed in step' "$out"
expect_status 'json of a clean one' 0 "$CORSAC" check-env Pendulum-v1 --episodes 2 --json
check 'is ok' json_is "$out" ok true
bad 'no environment' 2 'say which environment' "$CORSAC" check-env
bad 'an unknown option' 2 'did you mean --episodes' "$CORSAC" check-env Pendulum-v1 --episode 3
bad 'no number' 2 '--episodes: must be an integer from 1' "$CORSAC" check-env Pendulum-v1 --episodes x
bad 'an unknown command' 2 'did you mean check-env' "$CORSAC" chek-env
finish

#!/usr/bin/env bash
# Foreign settings and texts change nothing: a locale with a decimal comma (the user's, or set by a
# plugin), texts with escapes and newlines, file names that are not UTF-8.
. "$(dirname "$0")/lib.sh"
export TEST_LOCALES=${TEST_LOCALES:-$root/${BUILD_DIR%/*}/locales}
comma="env LOCPATH=$TEST_LOCALES LC_ALL=de_DE.UTF-8"
check 'the locale is there' $comma bash -c '[ $(printf %.1f 0,5) = 0,5 ]'

job="--sync --seed 3 --envs 2 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --env-steps 300 --gamma 0.97
  --checkpoint-every 100 --eval-every 100 --eval-episodes 2 --log-every 50 --tensorboard"
train 'a run' $job --env "$plugins/foreign.so" --run-dir "$tmp/plain"
expect_status 'the same in a locale with a decimal comma' 0 $comma "$CORSAC" train $job --env "$plugins/foreign.so" --run-dir "$tmp/user"
expect_status 'the same with a plugin that sets one' 0 $comma "$CORSAC" train $job --env "$plugins/foreign.so:comma" --run-dir "$tmp/guest"
# numbers RUN: prints the part of its files that is the same in every run with the same arguments
numbers() {
  local column
  grep -v 'env:\|run_dir:' "$tmp/$1/config.yaml"
  for column in env_steps return_mean critic_loss alpha entropy q_mean policy_lag_mean utd eval_return_mean; do column "$tmp/$1/metrics.csv" $column; done
  ls "$tmp/$1" | grep -v tfevents
}
numbers plain >"$tmp/numbers"
check 'it has numbers to compare' grep -q '^gamma: 0.97' "$tmp/numbers"
for run in user guest; do
  check "$run: the same configuration and metrics" cmp "$tmp/numbers" <(numbers $run)
  check "$run: as many cells in each row" [ "$(awk -F, '{ print NF }' "$tmp/$run/metrics.csv" | sort -u | wc -l)" = 1 ]
  check "$run: points in the log" [ "$(grep -cE '[0-9],[0-9]+ (steps/s|alpha)|utd [0-9]+,' "$tmp/$run/log.txt")" = 0 ]
  [ -z "$PYTHON" ] || check "$run: the same checkpoint" $PYTHON "$h5" same "$tmp/plain/ckpt-300.h5" "$tmp/$run/ckpt-300.h5" /env@id
  expect_status "$run: goes on" 0 $comma "$CORSAC" train --resume "$tmp/$run" --env-steps 400
done

# same NAME ARGUMENTS...: the command says the same in both locales
same() {
  local name=$1
  shift
  expect_status "$name" 0 "$CORSAC" "$@"
  cp "$out" "$tmp/said"
  expect_status "$name, with a comma" 0 $comma "$CORSAC" "$@"
  check "$name: the same words" cmp "$tmp/said" "$out"
}
same 'eval' eval "$tmp/plain" --episodes 2
same 'eval --json' eval "$tmp/plain" --episodes 2 --json
same 'inspect' inspect "$tmp/plain" --json
same 'explain' explain "$tmp/plain"
same 'options' options
same 'cluster' cluster pbs --time 03:30:00
for format in c npz onnx; do
  expect_status "export $format" 0 "$CORSAC" export "$tmp/plain" --format $format -o "$tmp/c.$format"
  expect_status "export $format, with a comma" 0 $comma "$CORSAC" export "$tmp/plain" --format $format -o "$tmp/comma.$format"
  check "export $format: the same file" cmp "$tmp/c.$format" "$tmp/comma.$format"
done
expect_status 'the C file compiles' 0 ${CC:-gcc} -std=c99 -DPOLICY_TEST -x c "$tmp/comma.c" -lm -o "$tmp/policy"
expect_status 'and is right' 0 $comma "$tmp/policy"
for file in trace.csv trace.h5; do
  expect_status "eval --trace $file" 0 $comma "$CORSAC" eval "$tmp/plain" --episodes 1 --trace "$tmp/$file"
done
check 'a trace has as many cells in each row' [ "$(awk -F, '{ print NF }' "$tmp/trace.csv" | sort -u | wc -l)" = 1 ]
for file in report.html plot.svg; do
  expect_status "$file" 0 "$CORSAC" ${file%.*} "$tmp/plain" -o "$tmp/c.$file"
  expect_status "$file, with a comma" 0 $comma "$CORSAC" ${file%.*} "$tmp/plain" -o "$tmp/comma.$file"
  check "$file: the same numbers" cmp "$tmp/c.$file" "$tmp/comma.$file"
done

# --- texts: on one line, and nothing that a terminal obeys ----------------------------------------
clean() { ! grep -aqP '[\x00-\x08\x0b-\x1f\x7f]' "$1" && iconv -f UTF-8 -t UTF-8 "$1" >/dev/null; }
lines() { ! grep -avqE '^(corsac: |[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} [0-9]+ (error|warn|info ) )' "$1"; } # each is one of ours
shown='red \\x1b\[31m\\x1b\]0;title\\x07\\n15:00:00.000 0 error forged line\\r\\xff <script>'
bad 'a plugin that cannot be made' 1 "create failed: $shown" "$CORSAC" train --env "$plugins/foreign.so:create" --run-dir "$tmp/create"
check 'says so in one clean line' clean "$err"
if [ -e "$tmp/create/status.json" ]; then check 'as does status.json' clean "$tmp/create/status.json"; fi
run "$CORSAC" check-env "$plugins/foreign.so:create"
check 'check-env, too' [ "$status $(clean "$out" && echo clean) $(grep -cE "$shown" "$out")" = '1 clean 1' ]
run "$CORSAC" check-env "$plugins/foreign.so" --episodes 2
check 'and the name of a plugin' [ "$(clean "$out" && echo clean) $(grep -c '^15:00' "$out")" = 'clean 0' ]
expect_status 'check-env --json' 0 "$CORSAC" check-env "$plugins/foreign.so" --episodes 2 --json
check 'is clean' clean "$out"
quick='--hidden 8,8 --batch-size 16 --learning-starts 60 --env-steps 300 --env-max-failures 3 --log-every 50'
run "$CORSAC" train --env "$plugins/foreign.so:step" $quick --run-dir "$tmp/step"
check 'a plugin whose steps fail ends the job' [ "$status" = 1 ]
check 'its reason is in the log' grep -qE "$shown" "$tmp/step/log.txt"
for file in "$err" "$tmp/step/log.txt" "$tmp/step/status.json"; do check "${file##*/} is clean" clean "$file"; done
for file in "$err" "$tmp/step/log.txt"; do check "${file##*/} has no line that is not ours" lines "$file"; done
check 'nor a forged one' [ "$(grep -c '^15:00:00.000' "$tmp/step/log.txt")" = 0 ]
check 'status.json tells the reason' grep -qE 'forged line' "$tmp/step/status.json"
run $MPIRUN -n 3 "$CORSAC" train --env "$plugins/foreign.so:step" $quick --run-dir "$tmp/ranks"
check 'nor over MPI' [ "$(clean "$tmp/ranks/log.txt" && lines "$tmp/ranks/log.txt" && clean "$tmp/ranks/status.json" && echo clean)" = clean ]
bad 'a command line' 2 '\\x1b\[2J' "$CORSAC" train --env $'a\033[2J\n15:00:00.000 0 error forged' --run-dir "$tmp/none"
check 'is shown in a clean line' clean "$err"
printf 'gama\033[2J: 1\n' >"$tmp/run.yaml"
run "$CORSAC" train --config "$tmp/run.yaml"
check 'a key of YAML' [ "$status $(clean "$err" && echo clean) $(wc -l <"$err")" = '2 clean 1' ]

# --- names of files that are no UTF-8, or hold a newline and an escape ----------------------------
for name in $'r\xe9sum\xe9' $'a\nb\033[2J'; do
  run=$tmp/$name
  cp -r "$tmp/plain" "$run"
  expect_status 'inspect --json of a strange name' 0 "$CORSAC" inspect "$run" --json
  check 'is clean JSON' [ "$(clean "$out" && echo clean)" = clean ]
  [ -z "$PYTHON" ] || check 'that is read' $PYTHON -m json.tool "$out" /dev/null
  for command in 'inspect' 'eval --episodes 1 --verbose' 'explain'; do
    expect_status "$command of it" 0 "$CORSAC" ${command%% *} "$run" $(echo "$command" | cut -s -d' ' -f2-)
    check "$command is clean" clean "$out"
  done
  expect_status 'a report on it' 0 "$CORSAC" report "$run"
  check 'is UTF-8' clean "$run/report.html"
  expect_status 'a picture of two' 0 "$CORSAC" plot "$run" "$tmp/user" -o "$tmp/two.svg"
  check 'is UTF-8, too' clean "$tmp/two.svg"
  expect_status 'its policy in C' 0 "$CORSAC" export "$run" --format c -o "$tmp/strange.c"
  check 'is clean' clean "$tmp/strange.c"
  bad 'it does not go on under that name' 2 'resume: must be printable UTF-8' "$CORSAC" train --resume "$run" --env-steps 400
done
finish

#!/usr/bin/env bash
# A pipe, device, socket or directory in a file's place is named at once. Opening a pipe would wait
# for ever.
. "$(dirname "$0")/lib.sh"

run() { # as in lib.sh; nothing here takes a second
  timeout -k 5 60 "$@" >"$out" 2>"$err" </dev/null
  status=$?
}
good=$tmp/good run=$tmp/run
train 'a run' $small --run-dir "$good"
for file in ckpt.h5 config.yaml policy.npz trace.csv code.c plugin.so; do mkfifo "$tmp/$file"; done
mkdir "$tmp/directory.h5"

for command in eval inspect explain "export --format c"; do
  bad "$command of a pipe" 1 'ckpt.h5: is a pipe, not a file' "$CORSAC" $command "$tmp/ckpt.h5"
  bad "$command of a device" 1 '/dev/zero: is a device, not a file' "$CORSAC" $command /dev/zero
done
for command in eval "export --format c"; do bad "$command of a pipe" 1 'policy.npz: is a pipe, not a file' "$CORSAC" $command "$tmp/policy.npz"; done
bad '--config' '[12]' 'config.yaml: is a pipe, not a file' "$CORSAC" train $small --config "$tmp/config.yaml" --run-dir "$run"
bad '--config of a device' '[12]' '/dev/zero: is a device, not a file' "$CORSAC" train $small --config /dev/zero --run-dir "$run"
bad '--resume' 1 'ckpt.h5: is a pipe, not a file' "$CORSAC" train --resume "$tmp/ckpt.h5" --run-dir "$run"
bad '--init-policy' 1 'policy.npz: is a pipe, not a file' "$CORSAC" train $small --init-policy "$tmp/policy.npz" --run-dir "$run"
bad '--init-replay' 1 'ckpt.h5: is a pipe, not a file' "$CORSAC" train $small --init-replay "$tmp/ckpt.h5" --run-dir "$run"
rm -rf "$run"
bad 'a plugin' 1 'plugin.so is a pipe, not a file' "$CORSAC" train $small --env "$tmp/plugin.so" --run-dir "$run"
bad 'what is to be written' 1 'code.c: is a pipe; name a file' "$CORSAC" export "$good" --format c -o "$tmp/code.c"
bad 'a trace' 1 'trace.csv: is a pipe; name a file' "$CORSAC" eval "$good" --trace "$tmp/trace.csv"
mkfifo "$tmp/other.csv.tmp"
bad 'the name a file has until it is whole' 1 'other.csv.tmp: is a pipe' "$CORSAC" eval "$good" --trace "$tmp/other.csv"

# with FILE: a copy of the run in which that is a pipe
with() { rm -rf "$run" && cp -r "$good" "$run" && rm -f "$run/$1" && mkfifo "$run/$1"; }
resume=("$CORSAC" train --resume "$run" --env-steps 400)
with ckpt-99999.h5
expect_status 'a pipe among the checkpoints' 0 "${resume[@]}"
check 'is passed by, with a word' grep -q 'ckpt-99999.h5: is a pipe, not a file; trying the one before it' "$err"
with ckpt-99999.h5
expect_status 'by eval' 0 "$CORSAC" eval "$run"
expect_status 'by inspect' 0 "$CORSAC" inspect "$run"
check 'which shows it' grep -q 'ckpt-99999.h5 .*NOT GOOD: .*is a pipe' "$out"
expect_status 'by report' 0 "$CORSAC" report "$run" -o "$tmp/page.html"
check 'too' grep -q 'ckpt-99999.h5: is a pipe' "$tmp/page.html"
with metrics.csv
bad 'metrics.csv, resumed' 1 'metrics.csv: is a pipe, not a file' "${resume[@]}"
bad 'reported' 1 'metrics.csv: is a pipe, not a file' "$CORSAC" report "$run" -o "$tmp/page.html"
bad 'drawn' 1 'metrics.csv: is a pipe, not a file' "$CORSAC" plot "$run"
with log.txt
bad 'log.txt, resumed' 1 'log.txt: is a pipe, not a file' "${resume[@]}"
expect_status 'reported' 0 "$CORSAC" report "$run" -o "$tmp/page.html"
check 'with a word' grep -q 'log.txt: is a pipe' "$err"
with status.json
expect_status 'status.json, reported' 0 "$CORSAC" report "$run" -o "$tmp/page.html"
check 'with a word' grep -q 'status.json: is a pipe' "$err"
expect_status 'inspected' 0 "$CORSAC" inspect "$run"
with config.yaml
bad 'config.yaml, resumed' 1 'config.yaml: is a pipe; name a file' "${resume[@]}"
bad 'reported' 1 'config.yaml: is a pipe, not a file' "$CORSAC" report "$run" -o "$tmp/page.html"
with lock
bad 'lock' 1 'lock: is a pipe, not a file' "${resume[@]}"
with best.h5
expect_status 'best.h5, inspected' 0 "$CORSAC" inspect "$run"
check 'is named' grep -q 'best.h5 .*NOT GOOD: .*is a pipe' "$out"
expect_status 'and resumed' 0 "${resume[@]}"

finish

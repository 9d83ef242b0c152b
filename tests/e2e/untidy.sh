#!/usr/bin/env bash
# A plugin changes its process, which is ours: the directory, the umask, descriptors, output,
# limits.
. "$(dirname "$0")/lib.sh"

mkdir "$tmp/at" && cd "$tmp/at" && ln -s "$plugins/untidy.so" . || exit 1
small=${small/--env Pendulum-v1/}

inspects() { "$CORSAC" inspect "$1" >"$tmp/inspected" 2>&1; }
# whole RUN: no file of the run is lost, damaged or unreadable, and all are in the right place.
whole() {
  check "$1: the checkpoints are good" inspects "$1"
  check "$1: it says done" json_is "$1/status.json" state done
  check "$1: metrics go to the end" [ "$(column "$1/metrics.csv" env_steps | tail -n 1)" -ge 300 ]
  check "$1: each row is one" awk -F, 'NR == 1 { n = NF } NF != n { exit 1 }' "$1/metrics.csv"
  check "$1: the log tells the end" grep -q 'done after' "$1/log.txt"
  check "$1: and holds nothing else" [ "$(grep -acvE '^[0-9:.]+ [0-9]+ (error|warn |info ) ' "$1/log.txt")" = 0 ]
  check "$1: standard error does too" grep -aq 'done after' "$err"
  check "$1: everybody may read its files" [ "$(find "$1" -type f ! -perm 644 | wc -l)" = 0 ]
  check "$1: and the directory" [ "$(stat -c %a "$1")" = 755 ]
}

umask 022
for what in create:chdir reset:chdir step:chdir create:umask step:umask create:standard create:descriptors create:all \
  reset:all step:all step:flood create:clearenv; do
  run=${what/:/-}
  train "$what" $small --env ./untidy.so:$what --run-dir "$run"
  whole "$run"
done
for what in create:chdir create:umask create:standard; do
  run=ranks-${what/:/-}
  expect_status "$what on ranks" 0 $MPIRUN -n 3 "$CORSAC" train $small --env ./untidy.so:$what --run-dir "$run"
  whole "$run"
done
check 'the text of a path is kept' grep -q 'run_dir: "create-chdir"' create-chdir/config.yaml
check 'what was closed is told' grep -q 'warn .*untidy.so: environment 0 (training): create closed descriptor 0, 1, 2' create-all/log.txt

train 'a lowered limit' $small --env ./untidy.so:create:limits --run-dir limits
whole limits
check 'is told' grep -q 'warn .*create lowered the limit of file size (set back)' limits/log.txt

# MPI's own descriptors cannot be opened again.
if [ "$(ulimit -n)" -ge 1024 ]; then
  start timeout -k 5 60 $MPIRUN -n 3 "$CORSAC" train $small --env ./untidy.so:create:descriptors --run-dir lost
  ended 'descriptors of MPI that are closed end the job' 1
  check 'with a word' grep -aq 'error rank [12]: untidy.so: environment [01] (training): create: it closed descriptors of MPI' "$err"
fi

# --- what is named for output, and what is read ---------------------------------------------------
expect_status 'eval --trace' 0 "$CORSAC" eval create-chdir --env ./untidy.so:reset:chdir --trace trace.csv
check 'is where it was asked for' [ -s trace.csv ]
expect_status 'as HDF5' 0 "$CORSAC" eval create-chdir --env ./untidy.so:reset:umask --trace trace.h5
check 'with its mode' [ "$(stat -c %a trace.h5)" = 644 ]
expect_status '--resume' 0 "$CORSAC" train --resume create-chdir --env-steps 400
expect_status '--init-replay and --init-policy' 0 "$CORSAC" train $small --env ./untidy.so:create:chdir --run-dir begun \
  --init-replay create-chdir --init-policy create-chdir
check 'take what is there' grep -q 'replay begins with .* of create-chdir/' begun/log.txt
umask 077
train 'a umask of the start' $small --env ./untidy.so:create:umask --run-dir private
check 'is kept' [ -z "$(find private -perm /077)" ]
umask 022

# --- standard output is the command's -------------------------------------------------------------
one_object() { [ "$(head -c 1 "$out")" = '{' ] && [ "$(tail -n 1 "$out")" = '}' ] && ! grep -q 0000000000 "$out"; }
expect_status 'eval --json' 0 "$CORSAC" eval create-chdir --env ./untidy.so:step:flood --json
check 'of a plugin that prints is one object' one_object
check 'what it prints is on standard error' grep -q 000000000063 "$err"
expect_status 'explain --json' 0 "$CORSAC" explain create-chdir --env ./untidy.so:reset:flood --samples 10 --json
check 'too' one_object
expect_status 'explain of a plugin that closes the streams' 0 "$CORSAC" explain create-chdir --env ./untidy.so:reset:standard --samples 10
check 'is read all the same' grep -q 'THE VARIANCE' "$out"
expect_status 'check-env --json' 0 "$CORSAC" check-env ./untidy.so:reset:flood --json
check 'too' one_object
expect_status 'bench --json' 0 "$CORSAC" bench env --env ./untidy.so:reset:flood --rounds 1 --seconds 0.05 --json
check 'too' one_object
expect_status 'eval, in words' 0 "$CORSAC" eval create-chdir --env ./untidy.so:step:flood
check 'says nothing but its own' [ "$(grep -c 0000000000 "$out")" = 0 ]
expect_status 'eval --json' 0 "$CORSAC" eval create-chdir --env ./untidy.so:create:all --json
check 'of a plugin that closes everything is one object' one_object
finish

#!/usr/bin/env bash
# A run that stops, by itself or by a signal, goes on where it stopped: bit for bit in sync mode.
. "$(dirname "$0")/lib.sh"

# Prints metrics.csv without the columns of times and of the number of ranks.
timeless() {
  awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) keep[i] = $i !~ /^(time_s|learner_wait|actor_wait|learner_drain|learner_publish|learner_report|env_steps_per_s|updates_per_s|actors_alive)$/ }
    { line = ""; for (i = 1; i <= NF; i++) if (keep[i]) line = line "," $i; print line }' "$1"
}
same_metrics() { cmp <(timeless "$1/metrics.csv") <(timeless "$2/metrics.csv"); }
same_checkpoint() { # NAME A B [IGNORED...]
  if [ -n "$PYTHON" ]; then check "$1" $PYTHON "$h5" same "${@:2}"; else skip "$1: no python3-h5py here"; fi
}

# --- sync: N steps, a save, a new start on other ranks, N more; against 2N in one go --------------
sync="$small --sync --sync-steps 5 --envs 3 --n-step 3 --normalize-observations --normalize-rewards deviation --noise-hold 4 --eval-every 150 --checkpoint-every 150"
expect_status 'sync: half a run on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" train $sync --env-steps 150 --run-dir "$tmp/halves"
cp -r "$tmp/halves" "$tmp/branch"
expect_status 'sync: the other half on 4 ranks' 0 $MPIRUN -n 4 "$CORSAC" train --resume "$tmp/halves" --env-steps 300
train 'sync: the whole run in one process' $sync --run-dir "$tmp/whole"
same_checkpoint 'sync: the checkpoints are the same' "$tmp/halves/ckpt-300.h5" "$tmp/whole/ckpt-300.h5"
check 'sync: the metrics are the same' same_metrics "$tmp/halves" "$tmp/whole"
expect_status 'sync: the checkpoint' 0 "$CORSAC" inspect "$tmp/halves" --json
check 'says that it is exact' json_is "$out" exact true

# --- sync: the number of ranks changes with every start -------------------------------------------
elastic="$small --sync --envs 7 --normalize-rewards bounded --noise-hold 16 --learning-starts 70 --eval-every 210 --checkpoint-every 210"
expect_status 'elastic: 5 ranks begin' 0 $MPIRUN -n 5 "$CORSAC" train $elastic --env-steps 210 --run-dir "$tmp/elastic"
expect_status 'elastic: 2 ranks go on' 0 $MPIRUN -n 2 "$CORSAC" train --resume "$tmp/elastic" --env-steps 420
expect_status 'elastic: 8 ranks end it' 0 $MPIRUN -n 8 "$CORSAC" train --resume "$tmp/elastic" --env-steps 630
train 'elastic: the same in one process' $elastic --env-steps 630 --run-dir "$tmp/rigid"
same_checkpoint 'elastic: 5, then 2, then 8 ranks: the same bits' "$tmp/elastic/ckpt-630.h5" "$tmp/rigid/ckpt-630.h5"
check 'elastic: the same metrics' same_metrics "$tmp/elastic" "$tmp/rigid"

# --- recipes: statistics, schedules, alpha and held noise go on ------------------------------------
# kill_all DIR: every process of the run, with KILL
kill_all() {
  local pid
  for pid in $(pgrep -f "run-dir $1( |\$)"); do kill -KILL "$pid" 2>/dev/null; done
  while pgrep -f "run-dir $1( |\$)" >/dev/null; do sleep 0.02; done
}
has_made() { [ "$(column "$1/metrics.csv" env_steps | tail -n 1)" -ge "$2" ]; }
for recipe in xqc flashsac; do
  job="--env Pendulum-v1 --seed 3 --recipe $recipe --critic-hidden 16,16 --policy-hidden 12,12 --value-atoms 11 --batch-size 32 --utd 1
    --learning-starts 200 --replay-capacity 1000 --checkpoint-every 60 --checkpoint-keep 100 --eval-every 300 --eval-episodes 2 --log-every 60"
  whole=$tmp/$recipe
  train "$recipe: the whole run in one process" $job --sync --envs 3 --env-steps 600 --learner-threads 1 --run-dir "$whole"
  check "$recipe: it learns" [ "$(column "$whole/metrics.csv" alpha | sort -u | wc -l)" -gt 5 ]
  # begun anew from a checkpoint at an evaluation, from one before the first update, and from a late one
  cuts=('300 3')
  [ "$CHECK_FULL" = 1 ] && cuts=('300 3' '180 2' '540 4')
  for cut in "${cuts[@]}"; do
    rm -rf "$tmp/cut" && cp -r "$whole" "$tmp/cut"
    for steps in $(seq $((${cut% *} + 60)) 60 600); do rm "$tmp/cut/ckpt-$steps.h5"; done
    expect_status "$recipe: goes on at ${cut% *} on ${cut#* } ranks" 0 $MPIRUN -n "${cut#* }" "$CORSAC" train --resume "$tmp/cut"
    same_checkpoint "$recipe: at ${cut% *}: the checkpoints are the same" "$tmp/cut/ckpt-600.h5" "$whole/ckpt-600.h5"
    check "$recipe: at ${cut% *}: the metrics are the same" same_metrics "$tmp/cut" "$whole"
  done
  # KILL for everybody, as a queue's script would go on, to 3000 steps
  killed="$job --sync --envs 3 --env-steps 3000 --resume auto --run-dir $tmp/$recipe-killed"
  for ranks in 3 2; do
    start $MPIRUN -n $ranks "$CORSAC" train $killed
    check "$recipe: a run to be killed" wait_for has_made "$tmp/$recipe-killed" $((1200 - 300 * ranks))
    { kill_all "$tmp/$recipe-killed" && wait "$background"; } 2>/dev/null
  done
  expect_status "$recipe: after KILL" 0 $MPIRUN -n 4 "$CORSAC" train $killed
  check "$recipe: it went on" grep -q 'resumed from' "$err"
  train "$recipe: the same without KILL" $job --sync --envs 3 --env-steps 3000 --run-dir "$tmp/$recipe-3000"
  same_checkpoint "$recipe: KILL costs no bit" "$tmp/$recipe-killed/ckpt-3000.h5" "$tmp/$recipe-3000/ckpt-3000.h5"

  # Learning rates fall over env_steps, so a run that is prolonged is another than one that was long
  # from its begin. It is the same on any ranks.
  train "$recipe: a short run" $job --sync --envs 3 --env-steps 300 --run-dir "$tmp/$recipe-short"
  cp -r "$tmp/$recipe-short" "$tmp/$recipe-prolonged"
  train "$recipe: prolonged" --resume "$tmp/$recipe-short" --env-steps 600
  check "$recipe: a warning says what that does" grep -q 'warn .*lr_schedule .* env_steps 600 instead of 300.* go from ' "$err"
  expect_status "$recipe: prolonged on 3 ranks" 0 $MPIRUN -n 3 "$CORSAC" train --resume "$tmp/$recipe-prolonged" --env-steps 600
  same_checkpoint "$recipe: prolonged: the same on any ranks" "$tmp/$recipe-short/ckpt-600.h5" "$tmp/$recipe-prolonged/ckpt-600.h5"
  [ -n "$PYTHON" ] && check "$recipe: prolonged: rates have fallen earlier" sh -c "! $PYTHON $h5 same $tmp/$recipe-short/ckpt-300.h5 $whole/ckpt-300.h5 >/dev/null"

  expect_status "$recipe, async: half a run" 0 $MPIRUN -n 3 "$CORSAC" train $job --env-steps 400 --run-dir "$tmp/$recipe-async"
  expect_status "$recipe, async: the other half" 0 $MPIRUN -n 2 "$CORSAC" train --resume "$tmp/$recipe-async" --env-steps 600 --batch-size 20
  "$CORSAC" inspect "$tmp/$recipe-async" --json >"$tmp/async.json"
  check "$recipe, async: steps, updates, replay of both" [ "$(json "$tmp/async.json" env_steps) $(json "$tmp/async.json" updates) $(json "$tmp/async.json" replay_size)" = '600 400 600' ]
done

# --- a run that has ended -------------------------------------------------------------------------
# A run that is over: nothing in its directory changes, the exit status lets a batch script end, and
# the command in the message goes on.
listing() { (cd "$1" && find . -printf '%p %s %T@\n' | sort); }
before=$(listing "$tmp/rigid")
over() { # over NAME COMMAND...
  expect_status "over: $1" 0 "${@:2}"
  check "over: $1: one line says so" [ "$(grep -c "has already reached env_steps (630 of [0-9]*): nothing is left to do. To go on: .*train --resume $tmp/rigid --env-steps 1260$" "$err")" = 1 ]
  check "over: $1: nothing is touched" [ "$(listing "$tmp/rigid")" = "$before" ]
}
over 'one process' "$CORSAC" train --resume "$tmp/rigid"
over 'fewer steps' "$CORSAC" train --resume "$tmp/rigid" --env-steps 100 --max-hours 1e-9
over 'auto' "$CORSAC" train $elastic --env-steps 630 --run-dir "$tmp/rigid" --resume auto
over 'mpirun' $MPIRUN -n 3 "$CORSAC" train --resume "$tmp/rigid"
expect_status 'over: what is advised' 0 bash -c "$(sed -n 's/.*To go on: mpirun//p' "$err" | sed "s/^/$MPIRUN/")"
check 'over: goes on' json_is "$tmp/rigid/status.json" env_steps 1260
check 'over: and says how again' grep -q "go on: .*--resume $tmp/rigid --env-steps 2520" "$err"
train 'over: a branch' --resume "$tmp/halves/ckpt-300.h5" --run-dir "$tmp/late"
check 'over: a branch says so' grep -q 'warn.*env_steps is already reached (300 of 300)' "$err"

# --- one file into a new directory ----------------------------------------------------------------
before=$(digest "$tmp/branch")
train 'a branch from one file' --resume "$tmp/branch/ckpt-150.h5" --run-dir "$tmp/twig" --env-steps 300
check 'leaves the first run as it was' [ "$before" = "$(digest "$tmp/branch")" ]
same_checkpoint 'and ends where the run itself does' "$tmp/twig/ckpt-300.h5" "$tmp/whole/ckpt-300.h5" /learner/rows /learner@rows
check 'its metrics begin anew' [ "$(column "$tmp/twig/metrics.csv" env_steps | tr '\n' ' ')" = '210 255 300 ' ] # rounds of 15 steps

# --- rows past the checkpoint are made again ------------------------------------------------------
cp -r "$tmp/whole" "$tmp/back"
rm "$tmp/back/ckpt-300.h5"
train 'a run that lost its last checkpoint' --resume "$tmp/back" --env-steps 300
check 'writes the lost rows once' same_metrics "$tmp/back" "$tmp/whole"

# --- async: counters go on ------------------------------------------------------------------------
expect_status 'async: half a run' 0 $MPIRUN -n 3 "$CORSAC" train $small --run-dir "$tmp/async"
"$CORSAC" inspect "$tmp/async" --json >"$tmp/first.json"
expect_status 'async: the other half' 0 $MPIRUN -n 2 "$CORSAC" train --resume "$tmp/async" --env-steps 600 --batch-size 20
"$CORSAC" inspect "$tmp/async" --json >"$tmp/second.json"
check 'async: steps, updates, replay of the first' [ "$(json "$tmp/first.json" env_steps) $(json "$tmp/first.json" updates) $(json "$tmp/first.json" replay_size)" = '300 240 300' ]
check 'async: and of both' [ "$(json "$tmp/second.json" env_steps) $(json "$tmp/second.json" updates) $(json "$tmp/second.json" replay_size)" = '600 540 600' ]
check 'async: versions go on' above "$(json "$tmp/second.json" policy_version)" "$(json "$tmp/first.json" policy_version)"
check 'async: rows go on' [ "$(column "$tmp/async/metrics.csv" env_steps | sort -nc 2>&1)$(column "$tmp/async/metrics.csv" env_steps | tail -n 1)" = 600 ]
check 'async: time goes on' sh -c 'sort -nc' <<<"$(column "$tmp/async/metrics.csv" time_s)"
check 'async: a free option changed' grep -q '^batch_size: 20' "$tmp/async/config.yaml"
backend=$(sed -n 's/^backend: *//p' "$tmp/async/config.yaml")
check 'async: auto is a backend' [ "$backend" = tiles -o "$backend" = openblas ]
steps=600
for backend in openblas tiles; do
  train "async: goes on with $backend" --resume "$tmp/async" --env-steps $((steps += 60)) --backend $backend
  check "async: says so" grep -q "^backend: $backend" "$tmp/async/config.yaml"
done
"$CORSAC" inspect "$tmp/async" --json >"$tmp/third.json"
check 'async: updates of all four' [ "$(json "$tmp/third.json" updates)" = 660 ]

train 'without replay in the checkpoint' $small --no-checkpoint-replay --run-dir "$tmp/lean"
train 'replay is filled again' --resume "$tmp/lean" --env-steps 500
check 'with a word' grep -q 'warn.*holds no replay' "$err"
"$CORSAC" inspect "$tmp/lean" --json >"$tmp/lean.json"
check 'and no debt of updates' [ "$(json "$tmp/lean.json" updates)" = $((240 + 200 - 60)) ]

# --- signals --------------------------------------------------------------------------------------
# Has the run in DIR made STEPS steps? Its metrics.csv tells.
long="$small --env-steps 100000000 --checkpoint-every 0 --eval-every 0 --log-every 100"
# goes_on DIR NAME: a run that a signal stopped goes on
goes_on() {
  check "$2: status.json says stopped" json_is "$1/status.json" state stopped
  check "$2: exit_code in it" json_is "$1/status.json" exit_code 75
  local steps
  steps=$(json "$1/status.json" env_steps)
  check "$2: its checkpoint is the last step" [ -s "$1/ckpt-$steps.h5" ]
  train "$2: it goes on" --resume "$1" --env-steps $((steps + 100))
  check "$2: to its end" json_is "$1/status.json" state done
}
start $MPIRUN -n 3 "$CORSAC" train $long --run-dir "$tmp/usr1"
check 'a run to be stopped' wait_for has_made "$tmp/usr1" 300
kill -USR1 "$background"
ended 'USR1 to mpirun' 75
goes_on "$tmp/usr1" 'USR1 to mpirun'

start $MPIRUN -n 3 "$CORSAC" train $long --sync --run-dir "$tmp/sync-usr1"
check 'a sync run to be stopped' wait_for has_made "$tmp/sync-usr1" 300
kill -USR1 "$background"
ended 'USR1 to mpirun in sync' 75
goes_on "$tmp/sync-usr1" 'USR1 to mpirun in sync'

start $MPIRUN -n 3 "$CORSAC" train $long --run-dir "$tmp/actor"
check 'a run whose actor will get a signal' wait_for has_made "$tmp/actor" 300
kill -TERM "$(awk '{ print $NF }' "/proc/$background/task/$background/children")" # the last rank
ended 'TERM to one actor' 75
goes_on "$tmp/actor" 'TERM to one actor'

start $MPIRUN -n 3 "$CORSAC" train $long --run-dir "$tmp/term"
check 'a run to be ended' wait_for has_made "$tmp/term" 300
kill -TERM "$background"
wait "$background"
code=$?
check 'TERM to mpirun ends it' [ $code != 0 ]
goes_on "$tmp/term" 'TERM to mpirun'

for signal in TERM INT USR1; do
  # A shell's background job ignores INT, and programs inherit that. env restores the default.
  start env --default-signal=INT "$CORSAC" train $long --run-dir "$tmp/$signal"
  check "a process for $signal" wait_for has_made "$tmp/$signal" 300
  kill -$signal "$background"
  ended "$signal to one process" 75
  goes_on "$tmp/$signal" "$signal to one process"
done

# A slow environment does not delay the end.
start $MPIRUN -n 2 "$CORSAC" train $long --env "$plugins/slow.so:5000" --run-dir "$tmp/slow"
check 'a slow environment' wait_for grep -q 'run directory' "$tmp/background.err"
sleep 1
begun=$(date +%s)
kill -USR1 "$background"
ended 'USR1 while an environment computes' 75
check 'is obeyed before its step ends' [ $(($(date +%s) - begun)) -lt 30 ]

# KILL leaves no time for a save: each start goes on from the newest whole checkpoint.
kills=4
[ "$CHECK_FULL" = 1 ] && kills=40
often="--checkpoint-every 20 --env-steps 100000000 --eval-every 0 --log-every 20"
start "$CORSAC" train $small $often --run-dir "$tmp/killed"
check 'a run to be killed' wait_for has_made "$tmp/killed" 100
for i in $(seq $kills); do
  sleep 0.$((i * 37 % 50 + 10))
  kill -KILL "$background"
  wait "$background" 2>/dev/null
  made=$(column "$tmp/killed/metrics.csv" env_steps | tail -n 1)
  expect_status "kill $i: there is a good checkpoint" 0 "$CORSAC" eval "$tmp/killed" --episodes 1
  start "$CORSAC" train --resume "$tmp/killed"
  check "kill $i: it goes on" wait_for has_made "$tmp/killed" $((made + 100))
done
kill -USR1 "$background"
ended 'USR1 after all that' 75
check 'nothing unfinished is left' [ -z "$(ls "$tmp/killed" | grep -vE '^(config.yaml|metrics.csv|log.txt|status.json|lock|ckpt-[0-9]+.h5|events.out.tfevents.*)$')" ]
check 'rows are in order' sh -c 'sort -nuc' <<<"$(column "$tmp/killed/metrics.csv" env_steps)"

expect_status 'max_hours' 75 "$CORSAC" train $long --max-hours 0.0002 --run-dir "$tmp/hours"
goes_on "$tmp/hours" max_hours
finish

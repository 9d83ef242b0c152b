#!/usr/bin/env bash
# Programs that play one episode and exit: trained, in sync mode, evaluated, resumed, checked; what
# counts as a failure; directories and cores of their own; the example of single-episode.md.
. "$(dirname "$0")/lib.sh"

once=$root/$BUILD_DIR/simulators/once
quick="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 4000 --env-steps 300 --eval-every 150
  --eval-episodes 2 --log-every 100"
failures() { column "$1/metrics.csv" env_failures | awk '{ n += $1 } END { print n + 0 }'; }
starts() { cat "$1"/environments/[0-9]*.log | grep -c '^--- .* started:'; }
loss() { column "$1/metrics.csv" critic_loss; }

# --- one episode after the other ------------------------------------------------------------------
train 'a program that plays one episode' $quick --env "exec:$once" --run-dir "$tmp/one"
check 'fails nowhere' [ "$(failures "$tmp/one")" = 0 ]
check 'is started for each episode' [ "$(starts "$tmp/one")" -ge 12 ]
check 'and ends by itself' [ "$(grep -c 'it ended with exit status 0' "$tmp/one/environments/0.log")" -ge 12 ]
check 'the evaluation, too' [ "$(grep -c '^--- .* started:' "$tmp/one/environments/evaluation-0.log")" -ge 4 ]
check 'its variables agree with its calls' [ -z "$(awk '/^episode/ { gsub(/[()]/, ""); if ($2 != $3) print }' "$tmp/one/environments/0.log")" ]
check 'episodes are counted up' awk '/^episode/ { if ($2 != n++) exit 1 }' "$tmp/one/environments/0.log"
check 'steps, too' awk '/^episode/ { if ($5 < last) exit 1; last = $5 } END { exit !(last > 200) }' "$tmp/one/environments/0.log"
check 'nobody is left' [ -z "$(pgrep -f "^$once")" ]
expect_status 'it is evaluated' 0 "$CORSAC" eval "$tmp/one" --json
check 'twice, with the same returns' json_is "$out" env_steps 300
expect_status 'it is resumed' 0 "$CORSAC" train --resume "$tmp/one" --env-steps 400
check 'and goes on' json_is "$tmp/one/status.json" env_steps 400
expect_status 'it keeps the rules' 0 "$CORSAC" check-env "exec:$once"
check 'no process stays to grow' grep -qE '^skipped +growth, episodes ' "$out"
check 'also that of a reset in halves' grep -q '^ok  *reset in halves' "$out"

# --- sync -----------------------------------------------------------------------------------------
sync="$quick --sync --envs 4 --eval-every 160"
train 'in sync mode' $sync --env "exec:$once" --run-dir "$tmp/sync1"
expect_status 'on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" train $sync --env "exec:$once" --run-dir "$tmp/sync3"
train 'started anew for each episode' $sync --env "exec:$once" --restart-each-episode --run-dir "$tmp/sync-anew"
for run in sync3 sync-anew; do check "$run is bit for bit the same" cmp -s <(loss "$tmp/sync1") <(loss "$tmp/$run"); done
for run in sync1 sync3 sync-anew; do
  cat "$tmp/$run"/environments/[0-9].log | grep -o '^episode .* steps' | sort | uniq >"$tmp/told-$run"
done
check 'what the programs are told does not depend on ranks' cmp -s "$tmp/told-sync1" "$tmp/told-sync3"
check 'nor on who starts them' [ -z "$(comm -23 "$tmp/told-sync1" "$tmp/told-sync-anew")" ]
train 'half of it' $sync --env "exec:$once" --env-steps 160 --run-dir "$tmp/half"
expect_status 'and the rest' 0 $MPIRUN -n 2 "$CORSAC" train --resume "$tmp/half" --env-steps 300
check 'go on' json_is "$tmp/half/status.json" env_steps 300

# --- failures -------------------------------------------------------------------------------------
train 'one that exits with 1' $quick --eval-every 0 --env "exec:$once bad" --run-dir "$tmp/bad"
check 'fails after each episode' [ "$(failures "$tmp/bad")" -ge 5 ]
check 'by its status' grep -q 'reset with seed .* failed: the process ended with exit status 1' "$err"
expect_status 'one that exits in its episode' 1 "$CORSAC" train $quick --env "exec:$once mid" --env-max-failures 3 --run-dir "$tmp/mid"
check 'fails too often' grep -q '3 failures in a row.*step 5 of the episode failed: the process ended with exit status 0 in the midst' "$err"
expect_status 'one that is too slow' 1 "$CORSAC" train $quick --env "exec:sleep 60; $once" --create-timeout 0.3 --run-dir "$tmp/slow"
check 'is named with the option' grep -q 'within 0.3 s (create_timeout)' "$err"

# --- a call that takes long -----------------------------------------------------------------------
if command -v mpirun >/dev/null; then
  start $MPIRUN -n 2 "$CORSAC" train $quick --eval-every 0 --restart-each-episode --env "exec:test \$CORSAC_EPISODE = 1 && sleep 60; exec $once" --run-dir "$tmp/waits"
  check 'status.json says what is waited for' wait_for grep -q '"call": "reset"' "$tmp/waits/status.json"
  kill "$background"
  wait "$background" 2>/dev/null
fi

# --- a directory of its own -----------------------------------------------------------------------
mkdir -p "$tmp/case/mesh" "$tmp/outside" && echo '0.2 0.05' >"$tmp/case/case.txt" && echo gold >"$tmp/outside/precious"
echo '#!/bin/sh' >"$tmp/case/run.sh" && chmod 750 "$tmp/case/run.sh" && ln -s "$tmp/outside" "$tmp/case/mesh/out"
scratch="--scratch work --scratch-from $tmp/case"
cd "$tmp" || exit 1
train 'in a copy of a case' $quick --env "exec:./run.sh; test -L mesh/out && exec $once writes" --scratch work --scratch-from case --run-dir copied
cd "$root" || exit 1
check 'it never finds the result of an earlier episode' [ "$(failures "$tmp/copied")" = 0 ]
check 'it runs in the run directory' grep -q "steps in $tmp/copied/work/0\$" "$tmp/copied/environments/0.log"
check 'its evaluation beside it' grep -q "steps in $tmp/copied/work/evaluation-0\$" "$tmp/copied/environments/evaluation-0.log"
check 'nothing stays' [ ! -e "$tmp/copied/work" ]
expect_status 'corsac eval, in another directory' 0 "$CORSAC" eval "$tmp/copied" --episodes 1
check 'runs beside the run' grep -q "steps in $tmp/copied/work-eval/evaluation-0\$" "$tmp/copied/environments/evaluation-0.log"
check 'and nothing of it stays' [ ! -e "$tmp/copied/work-eval" ]
check 'what is behind a link stays' [ -e "$tmp/outside/precious" ]
expect_status 'a failed one' 1 "$CORSAC" train $quick --env "exec:$once mid" --env-max-failures 2 $scratch --run-dir "$tmp/failed"
check 'is kept' [ -e "$tmp/failed/work/0.failed/case.txt" ]
expect_status 'a start that fails at once' 1 "$CORSAC" train $quick --env 'exec:false' $scratch --run-dir "$tmp/again"
check 'keeps its directory' [ -e "$tmp/again/work/0.failed/case.txt" ]
train 'does not keep the next start out' $quick --eval-every 0 --env "exec:$once" $scratch --run-dir "$tmp/again" --resume auto
train 'all are kept' $quick --env "exec:$once writes" --eval-every 0 --scratch "$tmp/all" --scratch-keep always --run-dir "$tmp/kept"
check 'by number' [ -e "$tmp/all/0.1/result.txt" -a -e "$tmp/all/0.9/result.txt" -a ! -e "$tmp/all/0" ]
bad 'a case that is not there' 2 'scratch_from: .*/nowhere: No such file' "$CORSAC" train $quick --env "exec:$once" --scratch work --scratch-from "$tmp/nowhere" --run-dir "$tmp/no"
bad 'a case that has the run in it' 2 'would be copied into itself' "$CORSAC" train $quick --env "exec:$once" --scratch work --scratch-from "$tmp" --run-dir "$tmp/no"
mkdir -p "$tmp/theirs/0" && echo gold >"$tmp/theirs/0/precious"
expect_status 'a directory of somebody else' 1 "$CORSAC" train $quick --env "exec:$once" --scratch "$tmp/theirs" --run-dir "$tmp/no"
check 'is named' grep -q "$tmp/theirs/0 is there, and corsac did not make it" "$err"
check 'and left alone' [ -e "$tmp/theirs/0/precious" ]
start "$CORSAC" train $quick --env-steps 1e9 --eval-every 0 --env "exec:sleep 0.3; $once" --scratch "$tmp/shared" --run-dir "$tmp/first"
wait_for test -e "$tmp/first/metrics.csv"
wait_for test -e "$tmp/shared/0"
expect_status 'a second job' 1 "$CORSAC" train $quick --env "exec:sleep 1; $once" --restart-each-episode --scratch "$tmp/shared" --env-max-failures 1 --eval-every 0 --run-dir "$tmp/second"
check 'is refused the same directory' grep -q "$tmp/shared/0 is in use by another job" "$err"
kill -KILL "$background"
ended 'the first is killed' 137
wait_for sh -c "! pgrep -f '^$once'"
train 'what it left' $quick --eval-every 0 --env "exec:$once" --scratch "$tmp/shared" --run-dir "$tmp/third"
check 'counts as failed' [ -e "$tmp/shared/0.failed" -a ! -e "$tmp/shared/0" ]
if mkdir -p "$tmp/full" && mount -t tmpfs -o size=64k none "$tmp/full" 2>/dev/null; then
  head -c 100000 /dev/zero >"$tmp/case/mesh/large"
  expect_status 'a full disk' 1 "$CORSAC" train $quick --env "exec:$once" --scratch "$tmp/full/work" --scratch-from "$tmp/case" --env-max-failures 1 --run-dir "$tmp/no"
  check 'is named with the file' grep -q "mesh/large: cannot be copied: No space left" "$err"
  umount "$tmp/full"
else
  skip 'a full disk, since nothing can be mounted here'
fi

# --- cores of its own -----------------------------------------------------------------------------
masks() { grep -ho 'Cpus_allowed_list:.*' "$1"/environments/[0-9]*.log | sort -u | wc -l; }
say='grep Cpus_allowed_list /proc/self/status'
cores=$(nproc)
if [ "$cores" -ge 2 ]; then
  train 'two programs' $quick --eval-every 0 --envs 2 --child-cores 1 --env "exec:$say; exec $once" --run-dir "$tmp/cores"
  check 'have a core each' [ "$(masks "$tmp/cores")" = 2 ]
  expect_status 'two programs of two ranks' 0 $MPIRUN -n 3 "$CORSAC" train $quick --eval-every 0 --child-cores 1 --env "exec:$say; exec $once" --run-dir "$tmp/cores3"
  check 'have a core each, too' [ "$(masks "$tmp/cores3")" = 2 ]
else
  skip 'cores of their own, since there is one'
fi
train 'more cores than there are' $quick --eval-every 0 --envs 2 --child-cores "$cores" --env "exec:$once" --run-dir "$tmp/many"
check 'are a warning, once' [ "$(grep -c "warn .*child_cores $cores: 2 processes.* want $((2 * cores)) cores and may use $cores" "$err")" = 1 ]
if command -v mpirun >/dev/null; then
  nested="mpirun --oversubscribe -n 1 $say"
  train 'an mpirun in the command' $quick --eval-every 0 --env-steps 60 --learning-starts 20 --env "exec:$nested; exec $once" --run-dir "$tmp/nested"
  check 'binds nothing' [ "$(grep -hoE 'Cpus_allowed_list:.*' "$tmp/nested/environments/0.log" | sort -u)" = "$($say)" ]
fi

# --- the manual's example -------------------------------------------------------------------------
mkdir "$tmp/manual" "$tmp/bin" && ln -s "$CORSAC" "$tmp/bin/corsac" && ln -s "$root/${BUILD_DIR%/*}" "$tmp/manual/build"
block c plate.txt >"$tmp/manual/plate.c"
block sh 'gcc plate.c' >"$tmp/manual/session"
check 'there is an example' [ -s "$tmp/manual/plate.c" -a -s "$tmp/manual/session" ]
export PATH=$tmp/bin:$PATH
expect_status 'it works as written' 0 sh -ec "cd '$tmp/manual' && . ./session"
check 'without a warning' [ -z "$(grep -E '^error|^warning' "$out")" ]
check 'and without a failure' [ "$(failures "$tmp/manual/runs/plate")" = 0 ]
finish

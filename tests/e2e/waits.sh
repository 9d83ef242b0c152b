#!/usr/bin/env bash
# No wait is for ever: each one that a user has met ends by itself, with a message.
. "$(dirname "$0")/lib.sh"

flavour=$(basename "$BUILD_DIR")
tiny="--hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --checkpoint-every 0 --log-every 50"

# --- at the end of a process ----------------------------------------------------------------------

# limited NAME KB ARGUMENTS...: a job under ulimit -v. The shadow memory of a sanitizer does not fit
# in.
limited() { expect_status "$1" 0 timeout -k 5 120 bash -c 'ulimit -v "$1" && shift && exec "$@"' sh "$2" "$CORSAC" train $small --run-dir "$tmp/$2" "${@:3}"; }
if [ "$flavour" = release ]; then
  limited 'little address space: OpenBLAS starts no thread that keeps the process' 150000
  bad 'and none for OpenBLAS: it is said, before anything waits' 1 'OpenBLAS wants 128 MB of address space for 1 thread.*ulimit -v.*--backend tiles' \
    timeout -k 5 120 bash -c 'ulimit -v 150000 && exec "$@"' sh "$CORSAC" train $small --backend openblas --run-dir "$tmp/blas"
fi
# A process whose work is done ends after --env-timeout, or ten seconds, or at a signal.
expect_status 'an exit handler of a plugin that never returns: the process ends' 0 timeout -k 5 120 "$CORSAC" train --env "$plugins/waits.so:exit" \
  $tiny --env-steps 200 --eval-every 0 --env-timeout 1 --run-dir "$tmp/held"
check 'and says that it was held' grep -q 'all is done, but something loaded or MPI holds up the end' "$err"
start "$CORSAC" train --env "$plugins/waits.so:exit" $tiny --env-steps 200 --eval-every 0 --run-dir "$tmp/exit"
wait_for json_is "$tmp/exit/status.json" state done
kill "$background" # may come before the end of the job, and then stops the job
ended 'and a signal ends it at once' 0
check 'with its run done' json_is "$tmp/exit/status.json" state done

# --- an environment that never ends ---------------------------------------------------------------

endless="--env $plugins/waits.so:none $tiny --envs 2 --env-steps 100 --eval-every 50 --eval-episodes 3"
for mode in --sync --no-sync; do
  run=$tmp/endless$mode
  train "endless $mode: the job ends" $endless $mode --eval-max-steps 200 --run-dir "$run"
  check "endless $mode: the log says that it was cut, and by what" grep -q '3 of 3 episodes are cut .*--eval-max-steps' "$run/log.txt"
  check "endless $mode: so does status.json" json_is "$run/status.json" eval_cut 3
  check "endless $mode: and metrics.csv" [ "$(column "$run/metrics.csv" eval_cut | tail -n 1)" = 3 ]
done
run=$tmp/endless--sync
expect_status 'eval: as the run was evaluated' 0 "$CORSAC" eval "$run" --episodes 2 --json
check 'eval --json has how many are cut, and their length' sh -c "grep -q '\"cut\": *2' '$out' && grep -q '\"length_mean\": *200' '$out'"
check 'and says so' grep -q '2 of 2 episodes did not end by themselves' "$err"
expect_status 'eval --max-steps' 0 "$CORSAC" eval "$run" --episodes 2 --max-steps 30 --trace "$tmp/endless.csv"
check 'a trace is as long' [ "$(rows "$tmp/endless.csv")" = 60 ]
check 'each episode is marked' [ "$(grep -cE ' 30  cut$' "$out")" = 2 ]
expect_status 'eval --timeout' 0 "$CORSAC" eval "$run" --env "$plugins/waits.so:none,5" --episodes 3 --timeout 0.2 --max-steps 0 --json
check 'one episode was begun' sh -c "grep -q '\"episodes\": *1,' '$out' && grep -q '\"cut\": *3' '$out'"
expect_status 'by default 100000 steps' 0 "$CORSAC" eval "$run" --episodes 1 --max-steps 0 --json
check 'they are' grep -q '"length_mean": *100000' "$out"
expect_status 'explain' 0 timeout -k 5 120 "$CORSAC" explain "$run"

# The final evaluation hears a signal, wherever it comes.
for ranks in 1 3; do
  run=$tmp/final$ranks
  launcher=$([ $ranks = 1 ] || echo "$MPIRUN -n $ranks")
  start $launcher "$CORSAC" train --env "$plugins/waits.so:none,20" $tiny --env-steps 20 --learning-starts 10 --eval-every 10 --eval-episodes 2 --run-dir "$run"
  wait_for grep -qE '"env_steps": *2[0-9]' "$run/status.json"
  sleep 1
  victim=$([ $ranks = 1 ] && echo "$background" || rank_pid "$run" 1)
  kill -USR1 "$victim"
  begun=$(date +%s%N)
  wait_for json_is "$run/status.json" state stopped
  took=$((($(date +%s%N) - begun) / 1000000))
  check "a signal in the final evaluation on $ranks ranks: the run is stopped ($took ms)" json_is "$run/status.json" exit_code 75
  check "on $ranks ranks: soon" [ $took -lt 10000 ]
  ended "on $ranks ranks: the job ends" 75
done

# --- an actor dies when nobody expects it ---------------------------------------------------------

# job NAME OPTIONS...: three actors under --enable-recovery, on an environment of waits.so
job() {
  run=$tmp/$1
  start timeout -k 5 300 $MPIRUN --enable-recovery -n 4 "$CORSAC" train --env "$plugins/waits.so:$2" $tiny --run-dir "$run" "${@:3}"
}
job_is_over() { ! kill -0 "$background"; }
nobody_left() { [ -z "$(pgrep -f "run-dir $run( |\$)")" ]; }
is_in() { [ -n "$(rank_pid "$run" "$1")" ] && grep -qs "$2" "/proc/$(rank_pid "$run" "$1")/maps"; } # RANK has loaded such a file

# Its silence alone would be noticed after --env-timeout, 600 s.
for where in create reset; do
  job $where $where --env-steps 100000 --eval-every 0
  wait_for is_in 2 waits.so
  [ $where = reset ] && wait_for grep -qs running "$run/status.json"
  sleep 1
  kill -9 "$(rank_pid "$run" 2)"
  [ $where = reset ] && check 'killed in its first reset: noticed' wait_for grep -q 'actor rank 2 is presumed dead' "$run/log.txt" && kill -USR1 "$(rank_pid "$run" 0)"
  check "killed in its first $where: the job ends" wait_for job_is_over
  [ $where = create ] && check 'killed in create: it is named, with what to look at' \
    grep -qE 'rank 2 is gone \(process [0-9]+\).*while it made its environment' "$tmp/background.err"
  check "killed in its first $where: nobody is left" wait_for nobody_left
done

# The others are in a step of 30 s when the job is done. Nobody waits for the killed one.
job leaving none,30000 --env-steps 3 --eval-every 0 --learning-starts 2
wait_for json_is "$run/status.json" state done
for rank in 1 2 3; do kill -9 "$(rank_pid "$run" $rank)"; done
begun=$SECONDS
check 'killed while the job leaves: the job ends' wait_for job_is_over
check "at once, not after two of the steps ($((SECONDS - begun)) s)" [ $((SECONDS - begun)) -lt 40 ]
check 'and says who was not waited for' grep -q 'actor rank [123] is presumed dead before it has left' "$run/log.txt"
check 'with its run done' json_is "$run/status.json" state done

finish

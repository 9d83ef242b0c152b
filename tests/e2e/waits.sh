#!/usr/bin/env bash
# Nothing waits for ever: each wait that a user met ends by itself, and says so.
. "$(dirname "$0")/lib.sh"

flavour=$(basename "$BUILD_DIR")
tiny="--hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --checkpoint-every 0 --log-every 50"

# --- at the end of a process ---

# limited NAME KB ARGUMENTS...: a job under ulimit -v, which a sanitizer's shadow memory does not fit in
limited() { expect_status "$1" 0 timeout -k 5 120 bash -c 'ulimit -v "$1" && shift && exec "$@"' sh "$2" "$CORSAC" train $small --run-dir "$tmp/$2" "${@:3}"; }
if [ "$flavour" = release ]; then
  limited 'little address space: OpenBLAS starts no thread that keeps the process' 150000
  bad 'and none for OpenBLAS: it is said, before anything waits' 1 'OpenBLAS wants 128 MB of address space for 1 thread.*ulimit -v.*--backend tiles' \
    timeout -k 5 120 bash -c 'ulimit -v 150000 && exec "$@"' sh "$CORSAC" train $small --backend openblas --run-dir "$tmp/blas"
fi
# A process that is done ends: after --env-timeout, or at a signal.
expect_status 'an exit handler of a plugin that never returns: the process ends' 0 timeout -k 5 120 "$CORSAC" train --env "$plugins/waits.so:exit" \
  $tiny --env-steps 200 --eval-every 0 --env-timeout 1 --run-dir "$tmp/held"
check 'and says that it was held' grep -q 'all is done, but something loaded or MPI holds up the end' "$err"
start "$CORSAC" train --env "$plugins/waits.so:exit" $tiny --env-steps 200 --eval-every 0 --run-dir "$tmp/exit"
wait_for json_is "$tmp/exit/status.json" state done
kill "$background" # may come before the end of the job: then it is a signal for that
ended 'and a signal ends it at once' 0
check 'with its run done' json_is "$tmp/exit/status.json" state done

# --- an actor dies when nobody expects it ---

# job NAME OPTIONS...: three actors under --enable-recovery, on an environment of waits.so
job() {
  run=$tmp/$1
  start timeout -k 5 300 $MPIRUN --enable-recovery -n 4 "$CORSAC" train --env "$plugins/waits.so:$2" $tiny --run-dir "$run" "${@:3}"
}
job_is_over() { ! kill -0 "$background"; }
nobody_left() { [ -z "$(pgrep -f "run-dir $run( |\$)")" ]; }
is_in() { [ -n "$(rank_pid "$run" "$1")" ] && grep -qs "$2" "/proc/$(rank_pid "$run" "$1")/maps"; } # RANK has loaded such a file

# It would be missed after --env-timeout, 600 s.
for where in create reset; do
  job $where $where --env-steps 100000 --eval-every 0
  wait_for is_in 2 waits.so
  [ $where = reset ] && wait_for grep -qs running "$run/status.json"
  sleep 1
  kill -9 "$(rank_pid "$run" 2)"
  [ $where = reset ] && check 'killed in its first reset: noticed' wait_for grep -q 'actor rank 2 is gone' "$run/log.txt" && kill -USR1 "$(rank_pid "$run" 0)"
  check "killed in its first $where: the job ends" wait_for job_is_over
  [ $where = create ] && check 'killed in create: it is named, with what to look at' \
    grep -qE 'rank 2 is gone \(process [0-9]+\).*while it made its environment' "$tmp/background.err"
  check "killed in its first $where: nobody is left" wait_for nobody_left
done

# The others are in a step of 30 s when the job is done: one that is killed is not waited for.
job leaving none,30000 --env-steps 3 --eval-every 0 --learning-starts 2
wait_for json_is "$run/status.json" state done
for rank in 1 2 3; do kill -9 "$(rank_pid "$run" $rank)"; done
begun=$SECONDS
check 'killed while the job leaves: the job ends' wait_for job_is_over
check "at once, not after two of the steps ($((SECONDS - begun)) s)" [ $((SECONDS - begun)) -lt 40 ]
check 'and says who was not waited for' grep -q 'actor rank [123] is gone before it has left' "$run/log.txt"
check 'with its run done' json_is "$run/status.json" state done
finish

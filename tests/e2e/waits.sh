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
finish

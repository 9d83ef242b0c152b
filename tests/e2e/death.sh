#!/usr/bin/env bash
# An actor is killed under --enable-recovery. The others go on, and nobody waits for ever at the
# end, even if it died too late to be noticed.
. "$(dirname "$0")/lib.sh"

# killed NAME TIMEOUT ROWS: the actor of rank 2 is killed when metrics.csv has so many rows; its
# silence is noticed after TIMEOUT seconds
killed() {
  local run="$tmp/run$3" victim=
  timeout 200 $MPIRUN --enable-recovery -n 4 "$CORSAC" train --env Pendulum-v1 --seed 3 --hidden 32,32 --learning-starts 500 --env-steps 40000 \
    --eval-every 0 --checkpoint-every 0 --log-every 500 --actor-timeout "$2" --run-dir "$run" >"$tmp/log" 2>&1 &
  local job=$!
  for _ in $(seq 1 1000); do
    [ "$(wc -l 2>/dev/null <"$run/metrics.csv" || echo 0)" -gt "$3" ] && break
    sleep 0.02
  done
  victim=$(rank_pid "$run" 2)
  check "$1: there is an actor to kill" [ -n "$victim" ]
  [ -n "$victim" ] && kill -9 "$victim"
  wait "$job"
  check "$1: the job ends" [ $? -ne 124 ]
  check "$1: it is done" grep -q '"state": *"done"' "$run/status.json"
  for _ in $(seq 20); do [ -n "$(pgrep -f "run-dir $run")" ] && sleep 0.1; done # the process that watches mpirun's end, too
  check "$1: nobody is left" [ -z "$(pgrep -f "run-dir $run")" ]
}

killed 'early' 0.5 3
[ "$CHECK_FULL" = 1 ] && killed 'shortly before the end' 20 65 # takes as long as MPI_Finalize is given
finish

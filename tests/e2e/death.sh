#!/usr/bin/env bash
# An actor that is killed shortly before the end, unseen as yet: the others go on under --enable-recovery, and nobody waits for ever at the end.
. "$(dirname "$0")/lib.sh"

[ "$CHECK_FULL" = 1 ] || { skip 'the end beside a dead rank takes half a minute (CHECK_FULL=1)'; finish; }

run="$tmp/run"
timeout 200 $MPIRUN --enable-recovery -n 4 "$CORSAC" train --env Pendulum-v1 --seed 3 --hidden 32,32 --learning-starts 500 --env-steps 15000 --eval-every 0 \
  --checkpoint-every 0 --log-every 500 --actor-timeout 20 --run-dir "$run" >"$tmp/log" 2>&1 &
job=$!
victim=
for _ in $(seq 1 600); do
  rows=$(wc -l 2>/dev/null <"$run/metrics.csv" || echo 0)
  [ "$rows" -gt 15 ] && break
  sleep 0.02
done
for pid in $(pgrep -f "run-dir $run"); do
  tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx OMPI_COMM_WORLD_RANK=2 && victim=$pid
done
check 'there is an actor to kill' [ -n "$victim" ]
[ -n "$victim" ] && kill -9 "$victim"
wait "$job"
check 'the job ends' [ $? -ne 124 ]
check 'it is done' grep -q '"state": *"done"' "$run/status.json"
check 'nobody is left' [ -z "$(pgrep -f "run-dir $run")" ]
finish

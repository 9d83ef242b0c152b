#!/bin/bash
# corsac on machines of your own, without a queue. Start it on one of them. That machine must reach the
# others by ssh without a password, and all must see the same directory.
# The file hosts names the machines, a line "node2 slots=16" each, this machine first.
# After a crash of the learner or of a machine the run goes on by itself, a few times. INT (control-C)
# saves everything and ends it; the same command goes on.
hosts=hosts
env=Pendulum-v1
run=runs/corsac
options=""

stopped=
trap 'stopped=1; kill -USR1 $job' INT TERM HUP USR1
for attempt in 1 2 3 4 5; do
  before=$(cat "$run/status.json" 2>/dev/null) code=
  # One slot is the learner, the others are actors. A machine counts as lost after 15 s of silence. In a session of
  # its own mpirun gets no control-C, which would end the ranks before they have saved.
  setsid mpirun --bind-to none --enable-recovery --hostfile "$hosts" \
    --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 2 \
    corsac train --resume auto --run-dir "$run" --env "$env" $options &
  job=$!
  while kill -0 $job 2>/dev/null; do wait $job; done
  # status.json has the exit code. If it is missing or unchanged, the learner was killed, or the run was done before.
  now=$(cat "$run/status.json" 2>/dev/null) told=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$now")
  if wait $job && [ "$told" = 0 ] || [ "$now" != "$before" ]; then code=$told; fi
  if [ -n "$stopped" ] || { [ -n "$code" ] && [ "$code" != 75 ]; }; then break; fi
  [ $attempt = 5 ] && again='the fifth attempt was the last' || again="attempt $((attempt + 1)) follows"
  echo "$run stopped (${code:-it was killed}): $again" >&2
done
exit "${code:-1}"

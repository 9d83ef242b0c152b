#!/bin/bash
# corsac on machines of your own, without a queue: started on one of them that reaches the others by ssh without a password, all of
# which see the same directory. hosts names them: a line "node2 slots=16" each, this machine first. It goes on by itself after a crash
# of the learner or of a machine, a few times; INT (control-C) ends it with everything saved, the same command goes on.
hosts=hosts
env=Pendulum-v1
run=runs/corsac
options=""

stopped=
trap 'stopped=1; kill -USR1 $job' INT TERM USR1
for attempt in 1 2 3 4 5; do
  before=$(cat "$run/status.json" 2>/dev/null) code=
  # One learner, and as many actors as there are other slots. A lost machine is missed after 15 s of silence of its link.
  mpirun --bind-to none --enable-recovery --hostfile "$hosts" \
    --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 2 \
    corsac train --resume auto --run-dir "$run" --env "$env" $options &
  job=$!
  while kill -0 $job 2>/dev/null; do wait $job; done
  # mpirun's own status says little; the run's says how it ended. No code, or nothing new: it was killed.
  now=$(cat "$run/status.json" 2>/dev/null)
  [ "$now" = "$before" ] || code=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$now")
  if [ -n "$stopped" ] || { [ -n "$code" ] && [ "$code" != 75 ]; }; then break; fi
  echo "$run stopped (${code:-it died}): on with attempt $((attempt + 1))" >&2
done
exit "${code:-1}"

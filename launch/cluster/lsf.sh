#!/bin/bash
# corsac under LSF: submit with `bsub < THIS`. It goes on from where it was as often as it takes: the job saves two minutes before its
# time is over, ends with 75, and is queued again for that (-Q).
#BSUB -J corsac
#BSUB -n 8
#BSUB -R "span[ptile=8]"
#BSUB -W 04:00
#BSUB -wa USR1 -wt 2
#BSUB -r
#BSUB -Q "75"
#BSUB -o corsac-%J.log

env=Pendulum-v1
run=runs/corsac
options=""

before=$(cat "$run/status.json" 2>/dev/null) # of the start before: it must not speak for this one
# Modules of the site, if corsac or mpirun need them: module load openmpi
# One learner, and as many actors as the other processes. An Open MPI without LSF in it needs --hostfile "$LSB_DJOB_HOSTFILE" here.
mpirun --bind-to none --enable-recovery \
  corsac train --resume auto --run-dir "$run" --env "$env" $options &
job=$! killed= code=
# INT and TERM are bkill: the job saves, and ends with 1, so that it is not queued again.
trap 'kill -USR1 $job' USR1 USR2
trap 'killed=1; kill -USR1 $job' INT TERM
while kill -0 $job 2>/dev/null; do wait $job; done

# mpirun's own status says little; the run's says whether it wants to go on. None, or none that is new: it never began, or was killed.
now=$(cat "$run/status.json" 2>/dev/null)
[ "$now" = "$before" ] || code=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$now")
if [ -n "$killed" ] && [ "$code" = 75 ]; then code=1; fi
exit "${code:-1}"

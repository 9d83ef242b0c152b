#!/bin/bash
# corsac under LSF: submit with `bsub < THIS`. The run goes on over as many jobs as it needs: a job saves
# two minutes before its time is over, ends with 75, and LSF queues it again for that (-Q).
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

before=$(cat "$run/status.json" 2>/dev/null) # of an earlier start
# Load modules here if corsac or mpirun need them: module load openmpi
# One process is the learner, the others are actors. An Open MPI that was built without LSF needs
# --hostfile "$LSB_DJOB_HOSTFILE" here.
mpirun --bind-to none --enable-recovery \
  corsac train --resume auto --run-dir "$run" --env "$env" $options &
job=$! killed= code=
# bkill sends INT and TERM: the job saves and ends with 1, so that LSF does not queue it again.
trap 'kill -USR1 $job' USR1 USR2
trap 'killed=1; kill -USR1 $job' INT TERM
while kill -0 $job 2>/dev/null; do wait $job; done

# status.json has the exit code, 75 if the run is to go on. If the file is missing or unchanged, the run
# never began, was killed, or was done before.
now=$(cat "$run/status.json" 2>/dev/null) told=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$now")
if wait $job && [ "$told" = 0 ] || [ "$now" != "$before" ]; then code=$told; fi
if [ -n "$killed" ] && [ "$code" = 75 ]; then code=1; fi
exit "${code:-1}"

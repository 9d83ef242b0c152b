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

# Modules of the site, if corsac or mpirun need them: module load openmpi
# One learner, and as many actors as the other processes.
mpirun --bind-to none --enable-recovery \
  corsac train --resume auto --run-dir "$run" --env "$env" $options &
job=$!
trap 'kill -USR1 $job' USR1 TERM USR2
while kill -0 $job 2>/dev/null; do wait $job; done

# mpirun's own status says little; the run's says whether it wants to go on.
code=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' "$run/status.json" 2>/dev/null)
exit "${code:-1}"

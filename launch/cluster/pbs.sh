#!/bin/bash
# corsac under PBS: save as corsac.pbs, submit with `qsub corsac.pbs`. It goes on from where it was as often as it takes: the job saves
# and stops a few minutes before its time is over (hours, less than walltime), and submits itself again.
#PBS -N corsac
#PBS -l select=1:ncpus=8:mpiprocs=8
#PBS -l walltime=04:00:00
#PBS -j oe

hours=3.9
env=Pendulum-v1
run=runs/corsac
options=""

cd "$PBS_O_WORKDIR" || exit 1
before=$(cat "$run/status.json" 2>/dev/null) # of the start before: it must not speak for this one
# Modules of the site, if corsac or mpirun need them: module load openmpi
# One learner, and as many actors as the other processes.
mpirun --bind-to none --enable-recovery --hostfile "$PBS_NODEFILE" \
  corsac train --resume auto --run-dir "$run" --max-hours "$hours" --env "$env" $options &
job=$! killed= code=
# TERM is qdel, or a preemption after which PBS queues the job again by itself: it saves, and is not submitted by this script.
trap 'kill -USR1 $job' USR1
trap 'killed=1; kill -USR1 $job' TERM
while kill -0 $job 2>/dev/null; do wait $job; done

# mpirun's own status says little; the run's says whether it wants to go on. None, or none that is new: it never began, or was killed.
now=$(cat "$run/status.json" 2>/dev/null)
[ "$now" = "$before" ] || code=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$now")
[ "$code" != 75 ] || [ -n "$killed" ] || qsub corsac.pbs
exit "${code:-1}"

#!/bin/bash
# corsac under PBS: save as corsac.pbs, submit with `qsub corsac.pbs`. The run goes on over as many jobs
# as it needs: a job saves and stops a few minutes before its time is over (hours, less than walltime),
# and submits itself again.
#PBS -N corsac
#PBS -l select=1:ncpus=8:mpiprocs=8
#PBS -l walltime=04:00:00
#PBS -j oe

hours=3.9
env=Pendulum-v1
run=runs/corsac
options=""

cd "$PBS_O_WORKDIR" || exit 1
before=$(cat "$run/status.json" 2>/dev/null) # of an earlier start
# Load modules here if corsac or mpirun need them: module load openmpi
# One process is the learner, the others are actors.
mpirun --bind-to none --enable-recovery --hostfile "$PBS_NODEFILE" \
  corsac train --resume auto --run-dir "$run" --max-hours "$hours" --env "$env" $options &
job=$! killed= code=
# TERM comes from qdel, or from a preemption after which PBS queues the job again by itself. The job saves,
# and this script does not submit it.
trap 'kill -USR1 $job' USR1
trap 'killed=1; kill -USR1 $job' TERM
while kill -0 $job 2>/dev/null; do wait $job; done

# status.json has the exit code, 75 if the run is to go on. If the file is missing or unchanged, the run
# never began, was killed, or was done before.
now=$(cat "$run/status.json" 2>/dev/null) told=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$now")
if wait $job && [ "$told" = 0 ] || [ "$now" != "$before" ]; then code=$told; fi
[ "$code" != 75 ] || [ -n "$killed" ] || qsub corsac.pbs
exit "${code:-1}"

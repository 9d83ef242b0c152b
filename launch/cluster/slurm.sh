#!/bin/bash
# corsac under Slurm: submit with `sbatch THIS`, or one run for each seed with `sbatch --array=1-5 THIS`.
# A job saves two minutes before its time is over, or when it is preempted, and is queued again.
#SBATCH --job-name=corsac
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log

env=Pendulum-v1
run=runs/$SLURM_JOB_NAME
options=""

# Load modules here if corsac or mpirun need them: module load openmpi
if [ -n "${SLURM_ARRAY_TASK_ID-}" ]; then
  run=$run-seed$SLURM_ARRAY_TASK_ID
  options="$options --seed $SLURM_ARRAY_TASK_ID"
fi
before=$(cat "$run/status.json" 2>/dev/null) # of an earlier start
# One task learns, the others act. 15 s of silence mean a lost node. A TERM leaves 25 s (KillWait is 30).
mpirun --bind-to none --enable-recovery --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 2 \
  --mca odls_base_sigkill_timeout 25 corsac train --resume auto --run-dir "$run" --env "$env" $options &
job=$! warned= killed= code=
# USR1 comes before the time is over or a preemption: the job asks to be queued again. TERM alone is
# scancel, or a preemption after which Slurm queues the job by itself; a mpirun that lingers is killed.
trap 'warned=1; kill -USR1 $job' USR1
trap 'killed=1; kill -USR1 $job' TERM
while kill -0 $job 2>/dev/null; do
  if [ -z "$killed" ]; then wait $job; elif sleep 0.2; [ ! -e "$run/lock" ]; then kill -KILL $job 2>/dev/null; fi
done
# status.json has the exit code, 75 if the run is to go on. Missing or unchanged: killed, never begun, or done before.
now=$(cat "$run/status.json" 2>/dev/null) told=$(sed -n 's/.*"exit_code": *\([0-9]*\).*/\1/p' <<<"$now")
if wait $job && [ "$told" = 0 ] || [ "$now" != "$before" ]; then code=$told; fi
[ "$code" != 75 ] || [ -n "$killed" -a -z "$warned" ] ||
  scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
exit "${code:-1}"

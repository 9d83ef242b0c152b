#!/usr/bin/env bash
# The scripts that `corsac cluster` prints have what was asked for in them. With a fake batch system
# and a fake mpirun they begin, go on after 75, and stop when the run is done.
. "$(dirname "$0")/lib.sh"
export PATH="$(dirname "$CORSAC"):$PATH"

script() { # SYSTEM ARGUMENTS...: into $tmp/job.sh
  "$CORSAC" cluster "$@" >"$tmp/job.sh" 2>"$err"
}
check 'slurm is printed' script slurm --nodes 3 --tasks 4 --time 1:30 --env "exec:./solver 'x y'" --options='--utd 2'
check 'it is a script' bash -n "$tmp/job.sh"
for line in '#SBATCH --nodes=3' '#SBATCH --ntasks-per-node=4' '#SBATCH --time=01:30:00' "options='--utd 2'" 'run=runs/$SLURM_JOB_NAME'; do
  check "slurm has $line" grep -qxF -- "$line" "$tmp/job.sh"
done
eval "$(grep '^env=' "$tmp/job.sh")"
check 'quotes survive' [ "$env" = "exec:./solver 'x y'" ]
check 'pbs is printed' script pbs --nodes 3 --tasks 4 --time 10:00:00 --run-dir /scratch/a
for line in '#PBS -l select=3:ncpus=4:mpiprocs=4' '#PBS -l walltime=10:00:00' 'hours=9.50' 'run=/scratch/a'; do
  check "pbs has $line" grep -qxF -- "$line" "$tmp/job.sh"
done
check 'lsf is printed' script lsf --nodes 3 --tasks 4 --time 2:00
for line in '#BSUB -n 12' '#BSUB -R "span[ptile=4]"' '#BSUB -W 02:00'; do check "lsf has $line" grep -qxF -- "$line" "$tmp/job.sh"; done
for f in launch/cluster/*.sh; do check "$f is short" [ "$(wc -l <"$f")" -lt 40 ]; done
bad 'another system' 2 'slurm, pbs, lsf, or hosts .did you mean slurm' "$CORSAC" cluster slurn
bad 'no number of nodes' 2 '--nodes: must be an integer from 1' "$CORSAC" cluster slurm --nodes 0
bad 'a text of two lines' 2 '--options: must be one line of at most 512 bytes' "$CORSAC" cluster slurm --options='--utd 2
--seed 3'
bad 'a value that looks like an option' 2 '--options needs a value after it; one that begins with -- stands behind a =' \
  "$CORSAC" cluster slurm --options '--utd 2'
bad 'no time' 2 '--time: must be a time HH:MM:SS .*not "4h"' "$CORSAC" cluster slurm --time 4h

# The fake batch system and mpirun: mpirun runs one process of the job, and logs what happened to
# it.
mkdir "$tmp/bin" "$tmp/work"
cat >"$tmp/bin/mpirun" <<'STUB'
#!/bin/bash
[ ! -e "$(dirname "$0")/../no_mpirun" ] || exit 127
while [ "$1" != corsac ]; do shift; done
exec corsac "${@:2}" --hidden 8 --batch-size 16 --learning-starts 50 --eval-every 0 --checkpoint-every 0
STUB
for name in scontrol qsub; do printf '#!/bin/sh\necho "%s $*" >>"%s/queue"\n' $name "$tmp" >"$tmp/bin/$name"; done
chmod +x "$tmp"/bin/*
job() { # [SIGNAL] runs the job as the batch system would, in $tmp/work, and signals it when it has run for a while, if asked to
  (
    cd "$tmp/work" || exit 1
    export PATH="$tmp/bin:$PATH" PBS_O_WORKDIR="$tmp/work" PBS_NODEFILE=/dev/null SLURM_JOB_NAME=corsac SLURM_JOB_ID=7
    bash "$tmp/job.sh" >>"$tmp/job.log" 2>&1 &
    job=$!
    if [ -n "${1-}" ]; then
      for _ in $(seq 500); do grep -qs '"state": *"running"' "$run/status.json" && break; sleep 0.02; done
      sleep 0.3
      kill -"$1" $job
    fi
    wait $job
  )
}
for system in slurm pbs lsf; do
  run=$tmp/work/runs/corsac
  rm -rf "$tmp/work/runs" "$tmp/queue"
  script $system --options='--env-steps 250000 --log-every 1000'
  job USR1
  check "$system: a signal ends it with 75" [ $? = 75 ]
  case $system in
  slurm) check 'slurm: it is queued again' grep -qx 'scontrol requeue 7' "$tmp/queue" ;;
  pbs) check 'pbs: it is submitted again' grep -qx 'qsub corsac.pbs' "$tmp/queue" ;;
  esac
  rm -f "$tmp/queue"
  touch "$tmp/no_mpirun"
  job
  check "$system: a start that fails is a failure" [ $? = 1 ]
  rm "$tmp/no_mpirun"
  job TERM
  check "$system: one that is cancelled says so" [ $? = $([ $system = lsf ] && echo 1 || echo 75) ]
  check "$system: it had been going on and has saved" json_is "$run/status.json" exit_code 75
  check "$system: neither is queued again" [ ! -e "$tmp/queue" ]
  job
  check "$system: it goes on to its end" [ $? = 0 ]
  check "$system: and is not queued again" [ ! -e "$tmp/queue" ]
  check "$system: with the steps it was to make" grep -q '"env_steps": *250000' "$run/status.json"
  check "$system: which it did not begin anew" grep -q 'resumed from' "$run/log.txt"
  job
  check "$system: once it is done it stays so" [ $? = 0 ]
  check "$system: and is not queued for that" [ ! -e "$tmp/queue" ]
done
script hosts --options='--env-steps 20000'
rm -rf "$tmp/work/runs"
# The first start is killed from outside; the script starts it again.
sed -i 's|^exec corsac|[ -e "'"$tmp"'/once" ] \|\| { touch "'"$tmp"'/once"; exit 137; }\nexec corsac|' "$tmp/bin/mpirun"
job
check 'hosts: it goes on by itself after a crash' [ $? = 0 ]
check 'hosts: to its end' grep -q '"env_steps": *20000' "$tmp/work/runs/corsac/status.json"
rm "$tmp/job.log"
job
check 'hosts: once it is done it stays so' [ $? = 0 ]
check 'hosts: and is started once' [ "$(grep -c 'attempt' "$tmp/job.log")" = 0 ]
# A failing job is not started again: a usage error at once, whatever mpirun's exit status is. A
# status.json of an earlier start does not count for this one.
for system in slurm pbs lsf hosts; do
  rm -rf "$tmp/work/runs" "$tmp/queue" "$tmp/job.log"
  script $system --options='--no-such-option 3'
  run=$tmp/work/runs/corsac
  sed -i 's|^exec \(corsac.*\)|\1; [ ! -e "$(dirname "$0")/../recovery" ] \|\| exit 0|' "$tmp/bin/mpirun" && touch "$tmp/recovery"
  job
  check "$system: a usage error is one" [ $? = 2 ]
  check "$system: status.json says so" json_is "$run/status.json" exit_code 2
  check "$system: it is started once" [ "$(grep -c 'no such option' "$tmp/job.log")" = 1 -a ! -e "$tmp/queue" ]
  sed -i 's/"exit_code": 2/"exit_code": 75/' "$run/status.json"
  touch "$tmp/no_mpirun"
  job
  check "$system: the word of the start before is not taken for this one's" [ $? = 1 -a ! -e "$tmp/queue" ]
  rm "$tmp/no_mpirun"
done
# An environment that kills its process in the same step each time.
script hosts --env "$plugins/rude.so:kill" --options='--env-steps 2000'
rm -rf "$tmp/work/runs" "$tmp/job.log"
job
check 'hosts: what dies thrice at the same step is a failure' [ $? = 1 ]
check 'hosts: and not started for ever' [ "$(grep -c 'died without a word' "$tmp/job.log")" = 1 ]
check 'hosts: status.json says why' grep -q 'the last 3 starts died without a word at the same step' "$run/status.json"
finish

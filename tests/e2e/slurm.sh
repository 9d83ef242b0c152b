#!/usr/bin/env bash
# The script of `corsac cluster slurm`, unchanged, under a real Slurm: a time limit, two kinds of
# preemption, seeds as an array, scancel. The environment counts its steps in a file, so that the
# test knows what was lost.
. "$(dirname "$0")/lib.sh"
. "$root/tests/support/slurm.sh"

[ "$CHECK_FULL" = 1 ] || { skip 'Slurm: it takes two minutes, CHECK_FULL=1 runs it' && check 'the program is there' [ -x "$CORSAC" ] && finish; }
why=$(slurm_possible) || { skip "Slurm: $why" && check 'the program is there' [ -x "$CORSAC" ] && finish; }
tear_down() { slurm_down; cleanup; }
trap tear_down EXIT
slurm_up "$tmp/slurm" || { fail 'Slurm starts' && finish; }
mkdir "$tmp/work" && cd "$tmp/work" || exit 1
export PATH="$(dirname "$CORSAC"):$PATH" OMPI_MCA_rmaps_base_oversubscribe=1
unset OPENBLAS_CORETYPE
actors=3 bunch=16 # send_steps
small='--hidden 8,8 --batch-size 16 --learning-starts 100 --eval-every 0 --checkpoint-every 1000 --log-every 200'

submit() { # NAME STEPS SBATCH_OPTIONS...: a run NAME of so many steps, in $env if that is set; its number in $job
  "$CORSAC" cluster slurm --tasks $((actors + 1)) --env "${env:-$plugins/counted.so:$tmp/work/$1.steps,10000}" --options="--env-steps $2 $small" >"$1.sh"
  job=$(sbatch --parsable --job-name="$1" "${@:3}" "$1.sh")
  check "$1: it is submitted" [ -n "$job" ]
}
over() { [ -z "$(squeue -h -j "$1" 2>/dev/null)" ]; }                           # JOB: it neither runs nor waits
field() { scontrol -o show job "$1" | grep -oE "(^| )$2=[^ ]*" | cut -d= -f2; } # JOB FIELD
reached() { above "$(json "runs/$1/status.json" env_steps)" "$2"; }             # NAME STEPS
made() { od -A n -v -t u8 "$1.steps" | awk '{ n += $1 + $2 } END { print n }'; }  # NAME: steps that its environments have made

# note NAME: waits until the run has stopped and saved, and keeps its status.json before it is
# started again
note() {
  wait_for json_is "runs/$1/status.json" exit_code 75 && wait_for [ ! -e "runs/$1/lock" ] && cp "runs/$1/status.json" "$1.status" && made "$1" >"$1.made"
}
# stopped NAME SIGNAL: the run saved at that signal. No step that arrived is lost. The steps under
# way are counted, and are no more than the protocol allows: for each actor two batches and the one
# that it fills.
stopped() {
  local log=runs/$1/log.txt status=$1.status steps lost counted seconds
  [ -e "$1.made" ] || { fail "$1: it stops and saves" && return; }
  steps=$(json "$status" env_steps) lost=$(($(cat "$1.made") - $(json "$status" env_steps)))
  counted=$(($(json "$status" surplus) + $(json "$status" unsent)))
  seconds=$(awk -v which="$2" '{ split($1, t, ":"); now = t[1] * 3600 + t[2] * 60 + t[3] }
    /stopping: signal/ && index($0, which) { from = now } /newest checkpoint/ && from && !to { to = now } END { print to ? to - from : "" }' "$log")
  echo "    $1: $2; saved $steps steps ${seconds:-?} s after the signal; $lost of $(cat "$1.made") steps that were made are to be repeated"
  check "$1: it heard of it by $2" grep -q "stopping: signal .*$2" "$log"
  check "$1: it says that it stopped" json_is "$status" state stopped
  check "$1: all of it is in the checkpoint" json_is "$status" checkpoint "ckpt-$steps.h5"
  check "$1: it counted what was under way" [ $lost -ge $counted -a $lost -le $((counted + $(json "$status" lost_at_most))) ]
  check "$1: which is all that is lost" [ $lost -le $((actors * 3 * bunch)) ]
  check "$1: it is saved in time" above 20 "${seconds:-99}"
}
# completed NAME JOB STEPS: the run went on from where it was and made exactly so many steps
completed() {
  local run=runs/$1
  wait_for over "$2" || wait_for over "$2" || fail "$1: it ends" "$(scontrol show job "$2")"
  check "$1: it was queued again" grep -q "resumed from .*$run/ckpt-" "$run/log.txt"
  check "$1: it is done" json_is "$run/status.json" state done
  check "$1: with the exact steps" json_is "$run/status.json" env_steps "$3"
  check "$1: as its checkpoint says" holds "$1" env_steps "$3"
  check "$1: and Slurm" [ "$(field "$2" JobState) $(field "$2" ExitCode)" = 'COMPLETED 0:0' ]
  check "$1: each resume began where the stop before it had saved" same_places "$run/log.txt"
}
holds() { "$CORSAC" inspect "runs/$1" --json >"$out" 2>"$err" && json_is "$out" "$2" "$3"; } # NAME KEY VALUE: its newest checkpoint does
same_places() {
  [ "$(sed -nE 's/.*newest checkpoint .*ckpt-([0-9]+)\.h5/\1/p' "$1" | head -n -1)" = "$(sed -nE 's/.*resumed from .* at ([0-9]+) steps.*/\1/p' "$1")" ]
}

submit limit 24000 --partition=safe --time=3 # the signal comes two minutes before that, and up to one minute early: Slurm rounds
limit=$job
{ note limit || note limit; } & # while the others run
noting=$!

# --- preemption: at once, and with notice ---------------------------------------------------------
printf '#!/bin/sh\nsleep 2\n' >urgent.sh
preempt() { # NAME SIGNAL: another job takes all but the place of the one that is safe
  local asked urgent
  asked=$(date +%s.%N)
  urgent=$(sbatch --parsable --partition=high --ntasks=$((slurm_cpus - actors - 1)) urgent.sh)
  note "$1"
  stopped "$1" "$2"
  wait_for over "$urgent"
  echo "    $1: the other job began and ended $(awk -v a="$asked" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }') s after it was submitted"
}
submit low 6000 && low=$job
wait_for reached low 600 && preempt low Terminated
slurm_set SlurmctldParameters=preempt_send_user_signal # without it the notice is not passed on to a script
submit patient 6000 --partition=patient && patient=$job
wait_for reached patient 600 && preempt patient 'User defined signal 1'

# --- scancel, which gives no more notice; one of two has a slow disk, and saves all nevertheless
${CC:-cc} -D_GNU_SOURCE -shared -fPIC "$root/tests/support/preload/slow_disk.c" -o slow_disk.so
submit cancelled 6000 && cancelled=$job
submit slowly 6000 --export="ALL,LD_PRELOAD=$PWD/slow_disk.so"
wait_for reached cancelled 600 && wait_for reached slowly 600
scancel "$cancelled" "$job"
note cancelled
note slowly
stopped cancelled Terminated
stopped slowly Terminated
check 'slowly: the replay is saved too' holds slowly replay_size "$(json slowly.status env_steps)"
sleep 8 # longer than a requeued job waits
for which in "$cancelled" "$job"; do
  check 'cancelled: it is not queued again' over "$which"
  check 'cancelled: Slurm says so' [ "$(field "$which" JobState) $(field "$which" Restarts)" = 'CANCELLED 0' ]
done

# --- an environment that breaks down --------------------------------------------------------------
env=$plugins/fail_step.so submit broken 6000
wait_for over "$job"
check 'broken: it says so' json_is runs/broken/status.json state failed
check 'broken: so does Slurm, and does not queue it again' [ "$(field "$job" JobState) $(field "$job" ExitCode) $(field "$job" Restarts)" = 'FAILED 1:0 0' ]

completed low "$low" 6000
completed patient "$patient" 6000

# --- seeds, as the manual says it -----------------------------------------------------------------
ln -s "$plugins/counted.so" my_solver.so
(cd "$root" && block sh 'corsac cluster slurm') >session
check 'the manual has a session with Slurm' grep -q 'sbatch --array=1-5 solver.sh' session
sed "s/--nodes 4 --tasks 16/--nodes 1 --tasks 3/; s/--env-steps [0-9e]*/--env-steps 2000 $small/; s/^sbatch solver.sh.*/sbatch --parsable --array=1-2 solver.sh/" session >session.sh
array=$(bash session.sh)
wait_for over "$array"
for seed in 1 2; do
  check "seed $seed: it is done" json_is "runs/corsac-seed$seed/status.json" state done
  check "seed $seed: with the exact steps" json_is "runs/corsac-seed$seed/status.json" env_steps 2000
  check "seed $seed: it is that seed" grep -qx "seed: $seed" "runs/corsac-seed$seed/config.yaml"
done
check 'seeds: each has its log' [ "$(ls corsac-*.log | wc -l)" = 2 ]

# --- a look at the place, inside a job ------------------------------------------------------------
sbatch -Q --wait --partition=safe --ntasks=3 --output=doctor.log --wrap "mpirun --bind-to none corsac doctor --run-dir ."
check 'doctor: it is content' [ $? = 0 ]
check 'doctor: it sees the ranks of the job' grep -qE '^(ok|warn) +mpi .* 3 ranks' doctor.log
check 'doctor: and their node' grep -qE "^(ok|warn) +node +$(hostname -s): 3 ranks on " doctor.log

# --- srun that MPI does not hear of, that it does hear of, and one process in a job of several tasks
tiny="$small --env Pendulum-v1 --env-steps 300"
run srun --partition=safe --ntasks=3 corsac train $tiny --run-dir runs/apart
check 'srun without PMI: it is refused' [ $status = 2 ]
check 'srun without PMI: once' [ "$(grep -c '^corsac: srun started 3 processes .*srun --mpi=pmix' "$err")" = 1 ]
check 'srun without PMI: nothing is made' [ ! -e runs/apart ]
expect_status 'srun -n 1' 0 srun --partition=safe --ntasks=1 corsac train $tiny --run-dir runs/one
sbatch -Q --wait --partition=safe --ntasks=3 --output=batch.log --wrap "corsac train $tiny --run-dir runs/batch"
check 'one process in a batch script of several tasks' [ $? = 0 ]
if srun --mpi=list 2>&1 | grep -q pmix; then
  expect_status 'srun --mpi=pmix' 0 srun --partition=safe --mpi=pmix --ntasks=3 corsac train $tiny --run-dir runs/pmix
fi
run srun --partition=safe --ntasks=2 corsac doctor --run-dir .
check 'doctor: it sees that srun and MPI do not agree' grep -q '^BAD *launcher *srun started 2' "$out"

# --- the time limit -------------------------------------------------------------------------------
wait "$noting"
stopped limit 'User defined signal 1'
completed limit "$limit" 24000
finish

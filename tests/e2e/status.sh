#!/usr/bin/env bash
# Scripts rely on status.json: it tells a running job from a dead one, a job that fails in the same
# way at the same step is not to be submitted again, and a start that failed before training writes
# its reason there, too.
. "$(dirname "$0")/lib.sh"

tiny="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --checkpoint-every 100 --eval-every 0 --log-every 50"
long="$tiny --env Pendulum-v1 --env-steps 100000000"
# says FILE KEY=VALUE...
says() {
  local pair
  for pair in "${@:2}"; do check "$name: $pair" json_is "$1" "${pair%%=*}" "${pair#*=}"; done
}

# --- running and died -----------------------------------------------------------------------------
name='a run' run=$tmp/run
start "$CORSAC" train $long --run-dir "$run"
check "$name has a checkpoint" wait_for sh -c "ls $run/ckpt-*.h5"
expect_status 'inspect of a run that runs' 0 "$CORSAC" inspect "$run"
check 'says so' grep -q "^  running: process $background on " "$out"
expect_status 'as JSON' 0 "$CORSAC" inspect "$run" --json
says "$out" state=running
kill -STOP "$background"
sed "s/\"host\": .*/\"host\": \"elsewhere\",/; s/\"updated\": .*/\"updated\": \"2020-01-31T12:00:00+0100\",/" "$run/status.json" >"$tmp/elsewhere.json"
mkdir "$tmp/far" && cp "$(ls "$run"/ckpt-*.h5 | head -n 1)" "$tmp/far" && cp "$tmp/elsewhere.json" "$tmp/far/status.json"
expect_status 'inspect of a run of another host' 0 "$CORSAC" inspect "$tmp/far"
check 'says that it writes nothing' grep -q '^  silent: process [0-9]* on elsewhere .* has written no status for ' "$out"
kill -KILL "$background" && wait "$background" 2>/dev/null
check "$name: its file still says running" json_is "$run/status.json" state running
expect_status 'inspect of one that was killed' 0 "$CORSAC" inspect "$run"
check 'says died' grep -q "^  died: process $background on .* has gone" "$out"
expect_status 'as JSON, too' 0 "$CORSAC" inspect "$run" --json
says "$out" state=died ok=true
expect_status 'a report of it' 0 "$CORSAC" report "$run" -o "$tmp/page.html"
check 'says died, too' grep -q 'badge bad">died<' "$tmp/page.html"
train 'it is resumed' --resume "$run" --env-steps 1
says "$run/status.json" state=done exit_code=0
expect_status 'inspect of a file' 0 "$CORSAC" inspect "$tmp/far/"ckpt-*.h5 --json
check "which has no state of its own" [ -z "$(json "$out" state)" ]

# --- the same end three times ---------------------------------------------------------------------
# again NAME STATUS... -- ARGUMENTS: starts with --resume auto end with these statuses, one after
# the other
again() {
  name=$1 run=$tmp/$1
  local wanted=() i=0
  shift
  while [ "$1" != -- ]; do wanted+=("$1") && shift; done
  for code in "${wanted[@]}"; do expect_status "$name, start $((i += 1))" "$code" "$CORSAC" train --resume auto --run-dir "$run" $tiny "${@:2}"; done
}
again kill 137 137 137 1 137 -- --env "$plugins/rude.so:kill" 2>/dev/null
again kill 137 137 1 -- --env "$plugins/rude.so:kill" 2>/dev/null
says "$run/status.json" state=failed exit_code=1
check 'kill: why' grep -q 'the last 3 starts died without a word at the same step' "$run/status.json"
again hours 75 75 1 1 -- --env "$plugins/slow.so:300" --max-hours 0.00001
says "$run/status.json" state=failed exit_code=1 env_steps=0 cause=max_hours count=4
check 'hours: why' grep -q '"reason": "max_hours (1e-05) have passed; 4 starts in a row ended this way at the same step, 0' "$run/status.json"
again progress 75 75 75 75 -- --env Pendulum-v1 --env-steps 100000000 --max-hours 0.00005
name='signals' run=$tmp/signals
for i in 1 2 3 4; do
  start "$CORSAC" train --resume auto --run-dir "$run" $tiny --env "$plugins/slow.so:1000"
  wait_for grep -q 'run directory' "$tmp/background.err"
  kill -USR1 "$background"
  ended "signal $i is no failure" 75
done
says "$run/status.json" state=stopped count=0

# A sync job that loses an actor in every first step. Under --enable-recovery mpirun's own status is
# 0.
name='lost actors' run=$tmp/lost
for code in 75 75 1; do
  start $MPIRUN --enable-recovery -n 3 "$CORSAC" train --resume auto --run-dir "$run" $tiny --sync --env "$plugins/slow.so:2000" --actor-timeout 5 --env-timeout 10
  wait_for grep -q 'run directory' "$tmp/background.err"
  sleep 1 # its process number has gone to the learner
  kill -KILL "$(rank_pid "$run" 2)"
  wait "$background"
  says "$run/status.json" exit_code=$code env_steps=0
done
check "$name: why" grep -q 'needs every one; 3 starts in a row ended this way at the same step' "$run/status.json"

# --- starts that never begin ----------------------------------------------------------------------
name='a usage error' run=$tmp/usage
bad "$name" 2 'there is no option|no such option' "$CORSAC" train --resume auto --run-dir "$run" --bacth-size 3
says "$run/status.json" state=failed exit_code=2
run $MPIRUN --enable-recovery -n 2 "$CORSAC" train --resume auto --run-dir "$run" --env Pendulum-v1 --gamma 5
says "$run/status.json" state=failed exit_code=2
check "$name: why" grep -q 'gamma: must be' "$run/status.json"
train "$name, mended" --resume auto --run-dir "$run" $tiny --env Pendulum-v1 --env-steps 200
says "$run/status.json" state=done exit_code=0
bad "$name of a resume" 2 'critics: the run has 2' "$CORSAC" train --resume "$run" --critics 3
says "$run/status.json" state=failed exit_code=2 env_steps=200 checkpoint=ckpt-200.h5
bad "an environment that fails" 1 'no licence' "$CORSAC" train --resume auto --run-dir "$tmp/licence" $tiny --env "$plugins/fail_create.so"
says "$tmp/licence/status.json" state=failed exit_code=1
mkdir "$tmp/letters" && : >"$tmp/letters/letter"
bad 'a directory of somebody else' 2 'is not empty' "$CORSAC" train --resume auto --run-dir "$tmp/letters" $tiny --env Pendulum-v1
check 'gets no file' [ "$(ls "$tmp/letters")" = letter ]
name='in use' run=$tmp/used
start "$CORSAC" train $long --run-dir "$run"
wait_for grep -q 'run directory' "$tmp/background.err"
bad "$name" 2 'in use by process' "$CORSAC" train --resume auto --run-dir "$run" --env Pendulum-v1
says "$run/status.json" state=running pid="$background"
kill -USR1 "$background"
ended "$name: the first" 75
if [ "$(id -u)" = 0 ] && unshare --mount mount -t tmpfs none "$tmp" 2>/dev/null; then
  name='a full disk'
  mkdir "$tmp/small"
  expect_status "$name" 1 unshare --mount bash -c 'mount -t tmpfs -o size=1m none "$1" && cp -r "$2" "$1/run" && dd if=/dev/zero of="$1/spare" bs=4k count=1 2>/dev/null
    dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null; rm "$1/spare" # room for the lock alone
    "$3" train --resume "$1/run" --env-steps 400; code=$?; cp "$1/run/status.json" "$4"; exit $code' sh "$tmp/small" "$tmp/usage" "$CORSAC" "$tmp/full.json"
  says "$tmp/full.json" state=failed exit_code=1
  check "$name: why" grep -q 'No space left' "$tmp/full.json"
fi

# --- several processes that MPI does not hold together --------------------------------------------
# apart NAME REGEX VARIABLE=VALUE...: the first process says what is wrong, the others print
# nothing, and no run is made
apart() {
  name=$1 run=$tmp/apart
  bad "$1" 2 "$2" env "${@:3}" "$CORSAC" train $tiny --env Pendulum-v1 --env-steps 70 --run-dir "$run"
  run env "${@:3}" SLURM_PROCID=1 PMI_RANK=1 "$CORSAC" train $tiny --env Pendulum-v1 --env-steps 70 --run-dir "$run"
  check "$name: the second is silent" [ "$status $(cat "$out" "$err")" = '2 ' ]
  check "$name: nothing is made" [ ! -e "$run" ]
}
apart 'srun without PMI' 'srun started 4 processes .*mpirun --bind-to none .*srun --mpi=pmix .*srun --mpi=list' SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0
apart 'mpirun of MPICH' 'MPICH started 4 processes .*mpirun --bind-to none' PMI_SIZE=4 PMI_RANK=0 MPI_LOCALNRANKS=4
unset SLURM_PROCID PMI_RANK
expect_status 'a batch script with several tasks' 0 env SLURM_JOB_ID=1 SLURM_NTASKS=4 SLURM_PROCID=0 "$CORSAC" train $tiny --env Pendulum-v1 --env-steps 70 --run-dir "$tmp/batch"

# --- names of runs --------------------------------------------------------------------------------
mkdir "$tmp/names" && cd "$tmp/names" || exit 1
for i in 1 2 3 4 5 6; do "$CORSAC" train $tiny --env Pendulum-v1 --env-steps 70 >"$tmp/name$i" 2>&1 & pids="${pids-} $!"; done
fine=0
for pid in $pids; do wait "$pid" && fine=$((fine + 1)); done
check 'six runs begin at once' [ $fine = 6 ]
check 'each in a directory of its own' [ "$(ls -d runs/*/ckpt-70.h5 | wc -l)" = 6 ]
finish

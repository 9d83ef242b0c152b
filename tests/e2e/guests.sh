#!/usr/bin/env bash
# A plugin may treat the process as its own. The results keep their bits, signals still work, and if
# the plugin ends the process, the message names it and the exit status is no success.
. "$(dirname "$0")/lib.sh"

job="--seed 3 --hidden 8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --env-steps 400 --eval-every 0
  --checkpoint-every 0 --checkpoint-keep 1"
rude=$plugins/rude.so
status_is() { json_is "$1/status.json" state "$2" && json_is "$1/status.json" exit_code "$3"; }

# --- the same bits, whatever it changes: everything is compared but the run's name and its times
if [ -n "$PYTHON" ]; then
  for what in calm round round_step flush traps umask; do
    train "$what" $job --env "$rude:$what" --sync --run-dir "$tmp/$what"
    [ $what = calm ] && continue
    check "$what is told" grep -qE "rude.so: environment 0 .* changed .*; it was set back" "$err"
    # The text of --env is part of the environment's state.
    expect_status "$what: the same bits" 0 "$PYTHON" "$h5" same "$tmp/$what/ckpt-400.h5" "$tmp/calm/ckpt-400.h5" /actors/0/state
  done
else
  skip 'bits: no python3 with h5py'
fi

# --- it ends the process: named, and no success ---------------------------------------------------
ends() { # WHAT WORDS
  bad "$1" 1 "rude.so: environment 0 \(training\): $2" "$CORSAC" train $job --env "$rude:$1" --run-dir "$tmp/$1"
  [ ! -e "$tmp/$1" ] || check "$1: status.json" status_is "$tmp/$1" failed 1
}
ends exit 'step 20 of episode 0: it called exit\(0\)'
ends quick_exit 'step 20 of episode 0: it called quick_exit\(0\)'
ends _exit 'step 20 of episode 0: it called _exit\(0\)'
ends exec 'step 20 of episode 0: it called execv\("/bin/true"\)'
ends exit_thread 'step 20 of episode 0: a thread that it started .*exit\(0\)'
ends exit_join 'step 20 of episode 0: a thread that it started .*exit\(0\)'
ends pthread_exit 'step 20 of episode 0: it called pthread_exit'
ends alarm 'step 20 of episode 0: its timer went off: signal 14'
ends abort 'step 20 of episode 0: .*signal 6'
ends crash 'step 20 of episode 0: .*signal 11'
ends exit_create 'create: it called exit\(0\)'
ends exit_reset 'reset into episode 0: it called exit\(3\)'
ends exit_destroy 'destroy: it called exit\(0\)'
check 'what it had made is saved' [ -s "$tmp/exit/ckpt-19.h5" ]
train 'a child of its own may exit' $job --env "$rude:fork" --run-dir "$tmp/fork"
train 'a child that comes back from a call ends' $job --env-steps 40 --env "$rude:fork_back" --run-dir "$tmp/fork_back"
check 'and is named' grep -q 'step 20 of episode 0: it forked, and the child returned from the call' "$err"
bad 'in an evaluation, too' 1 'rude.so: environment 0 \(evaluation\): step 20 of episode 0: it called exit\(0\)' \
  "$CORSAC" eval "$tmp/fork" --env "$rude:exit"
expect_status 'one of two actors ends: the other goes on' 0 $MPIRUN -n 3 "$CORSAC" train $job --env "$rude:exit,0" --run-dir "$tmp/two"
check 'and that is told' grep -q 'rank 1: rude.so: environment 0 .*it called exit(0)' "$err"

# --- MPI is ours ----------------------------------------------------------------------------------
group() { # WHAT WORDS
  begin=$(date +%s)
  expect_fails "a group: $1" $MPIRUN -n 3 "$CORSAC" train $job --env "$plugins/rude_mpi.so:$1" --ranks-per-env 2 --run-dir "$tmp/mpi-$1"
  check "$1 is named" grep -qE "rude_mpi.so: environment 0 .*: step 10 of episode 4: $2" "$err"
  check "$1: status.json" status_is "$tmp/mpi-$1" failed 1
  check "$1: nobody waits for env_timeout" [ $(($(date +%s) - begin)) -lt 55 ]
}
expect_fails() {
  local name=$1
  shift
  run "$@"
  if [ $status != 0 ] && [ $status != 124 ]; then pass; else fail "$name" "exit status $status"; fi
}
group finalize 'it called MPI_Finalize'
group abort 'it called MPI_Abort\(3\)'
group error 'a call of MPI failed: .*rank'
group exit_last 'it called exit\(0\)'

# --- signals are heard, in the middle of a step, too ----------------------------------------------
heard() { # NAME SIGNAL WHAT: within what a busy machine takes, and long before the step ends
  start "$CORSAC" train $job --env-steps 1000000 --env "$rude:$3" --run-dir "$tmp/heard-$3-$2"
  if [ "${3#*create}" != "$3" ]; then sleep 1.5; else wait_for grep -q '"env_steps": *[1-9]\|running' "$tmp/heard-$3-$2/status.json"; fi
  sleep 0.5
  begin=$(date +%s)
  kill -"$2" "$background"
  ended "$1" 75
  check "$1: at once" [ $(($(date +%s) - begin)) -lt 20 ]
}
for what in default_handlers ignore_signals handlers mask; do heard "$what" TERM $what; done
heard 'in a step' TERM sleep
check 'what was made is saved' ls "$tmp"/heard-sleep-TERM/ckpt-*.h5
check 'and told' status_is "$tmp/heard-sleep-TERM" stopped 75
for signal in INT USR1 USR2 XCPU; do heard "$signal in a step" $signal sleep; done
heard 'in a step with all signals blocked' TERM sleep_masked
heard 'in create' TERM sleep_create
start "$CORSAC" train $job --hidden 6000,6000,6000 --env Pendulum-v1 --run-dir "$tmp/heard-start"
sleep 1.5
begin=$(date +%s)
kill -TERM "$background"
ended 'while large networks are made' 75
check 'at once' [ $(($(date +%s) - begin)) -lt 20 ]
check 'nothing is left' [ ! -e "$tmp/heard-start" ]
expect_status 'max_hours in a step' 75 "$CORSAC" train $job --env "$rude:sleep" --max-hours 0.0005 --run-dir "$tmp/hours"

if [ "$CHECK_FULL" != 0 ]; then
  start "$CORSAC" train $job --env "$rude:sleep" --run-dir "$tmp/named"
  wait_for grep -q 'environment 0 (training): step 20 of episode 0 has not come back for 3. s' "$tmp/named/log.txt"
  check 'a call of more than 30 s is named' [ "$(grep -c 'has not come back' "$tmp/named/log.txt")" = 1 ]
  kill -TERM "$background"
  ended 'and not waited for' 75
fi

# --- nobody reads what it says --------------------------------------------------------------------
expect_status 'a pipe that nobody reads' 0 sh -c '("$0" train '"$(echo $job)"' --env Pendulum-v1 --log-every 10 --run-dir "$1"; echo $? >"$1/code") 2>&1 | head -n 1' "$CORSAC" "$tmp/pipe"
check 'is no reason to stop' [ "$(cat "$tmp/pipe/code")" = 0 ]
finish

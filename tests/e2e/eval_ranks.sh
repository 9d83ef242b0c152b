#!/usr/bin/env bash
# corsac eval on the ranks of mpirun: the same numbers as one process gives, whatever the ranks, in
# groups of ranks too; and how it ends when a rank or an environment fails. check-env in a group of
# ranks. MPI without mpirun, for a plugin that is linked with it.
. "$(dirname "$0")/lib.sh"

solver=$plugins/solver_mpi.so
tiny="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --eval-every 0 --log-every 60 --checkpoint-every 0 --env-steps 120"

# same NAME COMMAND...: standard output is that of the last `alone`, and so is the trace.
alone() { expect_status "$1, alone" 0 "${@:2}" --trace "$tmp/alone.csv" && cp "$out" "$tmp/alone"; }
same() {
  expect_status "$1" 0 "${@:2}" --trace "$tmp/ranks.csv"
  check "$1: the same output" cmp "$out" "$tmp/alone"
  check "$1: the same trace" cmp "$tmp/ranks.csv" "$tmp/alone.csv"
}

train 'a run' $small --run-dir "$tmp/run"
alone 'Pendulum-v1' "$CORSAC" eval "$tmp/run" --episodes 4 --verbose
check 'its result is on standard output' grep -q '^4 episodes of Pendulum-v1: mean return' "$out"
for ranks in 1 2 3 5; do same "on $ranks ranks" $MPIRUN -n $ranks "$CORSAC" eval "$tmp/run" --episodes 4 --verbose; done
alone 'JSON' "$CORSAC" eval "$tmp/run" --episodes 2 --json
same 'fewer episodes than ranks' $MPIRUN -n 4 "$CORSAC" eval "$tmp/run" --episodes 2 --json
cp "$out" "$tmp/plain"
alone 'sampled' "$CORSAC" eval "$tmp/run" --episodes 2 --json --sampled
check 'sampled actions are others' sh -c "! cmp -s '$out' '$tmp/plain'"
same 'sampled on 3 ranks' $MPIRUN -n 3 "$CORSAC" eval "$tmp/run" --episodes 2 --json --sampled

# A solver that calls MPI, and leaves it to the host to start it.
train 'a solver without mpirun' --env "$solver" $tiny --env-timeout 3 --actor-timeout 2 --run-dir "$tmp/solver"
train 'isolated' --env "$solver" $tiny --isolate --run-dir "$tmp/isolated"
alone 'a solver' "$CORSAC" eval "$tmp/solver" --episodes 3 --json
same 'on 3 ranks, each alone' $MPIRUN -n 3 "$CORSAC" eval "$tmp/solver" --episodes 3 --json
same 'in one group of 2' $MPIRUN -n 3 "$CORSAC" eval "$tmp/solver" --episodes 3 --json --ranks-per-env 2
same 'in two groups of 2' $MPIRUN -n 5 "$CORSAC" eval "$tmp/solver" --episodes 3 --json --ranks-per-env 2
expect_status 'one that starts MPI itself' 0 $MPIRUN -n 2 "$CORSAC" eval "$tmp/solver" --env "$solver:init" --episodes 3 --json
check 'computes the same' cmp "$out" "$tmp/alone"
expect_status 'and without mpirun' 0 "$CORSAC" eval "$tmp/solver" --env "$solver:init" --episodes 3 --json
check 'computes the same there' cmp "$out" "$tmp/alone"
expect_status 'check-env on the first of 2 ranks' 0 $MPIRUN -n 2 "$CORSAC" check-env "$solver"
check 'keeps all rules' grep -q '0 errors, 0 warnings' "$out"
expect_status 'check-env in a group' 0 $MPIRUN -n 3 "$CORSAC" check-env "$solver" --ranks-per-env 2
check 'keeps all rules, too' grep -q '0 errors, 0 warnings' "$out"
check 'but for the one that needs a new process' grep -q '^skipped  new process' "$out"
expect_status 'check-env of one that exits' 1 $MPIRUN -n 3 "$CORSAC" check-env "$plugins/rude_mpi.so:exit_last" --ranks-per-env 2
check 'on another rank of the group' grep -q '^error    end .*rude_mpi.so: environment 0 .*: it called exit(0)' "$out"
# What is refused.
bad 'ranks that make no groups' 2 'ranks_per_env 2: 3 ranks beside the first make no groups.* mpirun -n 5' $MPIRUN -n 4 "$CORSAC" eval "$tmp/solver" --ranks-per-env 2
bad 'groups without mpirun' 2 'ranks_per_env 2: 0 ranks beside the first make no groups of 2; .* mpirun -n 3' "$CORSAC" eval "$tmp/solver" --ranks-per-env 2
bad 'a film of groups' 2 '--record: films what one process plays' "$CORSAC" eval "$tmp/solver" --record "$tmp/f.mp4" --ranks-per-env 2
bad 'no number' 2 '--episodes' $MPIRUN -n 2 "$CORSAC" eval "$tmp/run" --episodes many

# What fails on the way.
expect_status 'an environment that fails on every rank' 1 $MPIRUN -n 3 "$CORSAC" eval "$tmp/solver" --env "$solver:fail" --ranks-per-env 2
check 'is named' grep -q 'corsac: episode 0 failed twice: solver_mpi.so: environment 0 (evaluation): step 10' "$err"
bad 'one that ends its process' 1 'rank [12]: solver_mpi.so: environment [01] .*: it called exit\(3\)' $MPIRUN -n 3 "$CORSAC" eval "$tmp/solver" --env "$solver:exit"
bad 'a rank that dies' 137 'rank [12] is gone: its process has ended after 0 of 10 episodes' $MPIRUN -n 3 "$CORSAC" eval "$tmp/solver" --env "$solver:die"
if [ "$CHECK_FULL" = 1 ]; then
  expect_status 'cut episodes' 0 $MPIRUN -n 3 "$CORSAC" eval "$tmp/run" --episodes 3 --max-steps 7 --json
  check 'are counted' json_is "$out" cut 3
  expect_status 'trained in groups' 0 $MPIRUN -n 3 "$CORSAC" train --env "$solver" $tiny --ranks-per-env 2 --run-dir "$tmp/groups"
  alone 'and evaluated by one process' "$CORSAC" eval "$tmp/groups" --episodes 2 --json
  same 'or in such groups again' $MPIRUN -n 3 "$CORSAC" eval "$tmp/groups" --episodes 2 --json
  bad 'no run' 1 'nowhere' $MPIRUN -n 3 "$CORSAC" eval "$tmp/nowhere"
  bad 'an environment of other dimensions' 1 'rank 1: linear.so has obs_dim 17 and act_dim 6 in evaluation, but the policy.s are 3 and 1' $MPIRUN -n 2 "$CORSAC" eval "$tmp/run" --env "$plugins/linear.so"
  bad 'one that dies in a group' 137 'a signal stopped the evaluation|is gone' $MPIRUN -n 3 "$CORSAC" eval "$tmp/solver" --env "$solver:die" --ranks-per-env 2
  expect_status 'check-env of one that hangs' 1 $MPIRUN -n 3 "$CORSAC" check-env "$solver:stall" --ranks-per-env 2 --timeout 2
  check 'names the call' grep -q '^error    step .*it hangs in step, step 10 of episode .*: no answer for 2 s' "$out"
  bad 'check-env in two groups' 2 'one group of 2 ranks is checked: start it with mpirun -n 3' $MPIRUN -n 5 "$CORSAC" check-env "$solver" --ranks-per-env 2
  bad 'one that hangs' 1 "rank 1 has been silent for .* longer than the run's env_timeout, 3 s" $MPIRUN -n 2 "$CORSAC" eval "$tmp/solver" --env "$solver:hang"
fi
train 'a slow environment' --env "$plugins/slow.so:1" $tiny --run-dir "$tmp/slow"
start $MPIRUN -n 3 "$CORSAC" eval "$tmp/slow" --env "$plugins/slow.so:20" --episodes 20
wait_for grep -q '^ *0 ' "$tmp/background.out"
kill -USR1 "$background"
ended 'a signal ends it' 75
check 'and it says after how much' grep -qE 'a signal( to rank .)? stopped the evaluation after [0-9]+ of 20 episodes' "$err"
finish

#!/usr/bin/env bash
# Simulators with their own main loop, in every language that a compiler is there for: alone,
# trained, resumed; what a broken one costs; plugins in processes of their own. CHECK_FULL=1: all
# languages x {async, sync, resume}.
. "$(dirname "$0")/lib.sh"

build=$root/${BUILD_DIR%/*} examples=$root/launch/examples/exec
library=$build/lib/libcorsac_sim.a include=$build/include
mkdir -p "$tmp/bin" "$tmp/gen"
languages=
# language NAME COMMAND...: builds an example in it
language() {
  local name=$1
  shift
  expect_status "the example in $name compiles, without a warning" 0 "$@"
  [ $status = 0 ] && languages="$languages $name"
}
has() { command -v "$1" >/dev/null; }
wall='-Wall -Wextra -Wpedantic -Werror -O2'
language c ${CC:-gcc} -std=c11 $wall -I"$include" "$examples/oscillator.c" "$library" -o "$tmp/bin/c"
if has "${CXX:-g++}"; then
  language c++ ${CXX:-g++} -std=c++11 $wall -I"$include" "$examples/oscillator.cpp" "$library" -o "$tmp/bin/c++"
else
  skip 'the simulator in C++, because there is no g++'
fi
if has "${FC:-gfortran}"; then
  language fortran ${FC:-gfortran} -O2 -Wall -J"$tmp/gen" "$include/corsac/corsac_sim.f90" "$examples/oscillator.f90" "$library" -o "$tmp/bin/fortran"
else
  skip 'the simulator in Fortran, because there is no gfortran'
fi
if has python3; then
  export PYTHONPATH=$build/share/corsac/python
  printf '#!/bin/sh\nexec python3 %s\n' "$examples/oscillator.py" >"$tmp/bin/python" && chmod +x "$tmp/bin/python"
  languages="$languages python"
  check 'an array of one element is a number in Python' python3 -c 'from corsac_sim import number
class One:
    def item(self): return 2.5
assert number(One()) == 2.5 and number(3) == 3.0 and number(0.5) == 0.5'
  [ -z "$PYTHON" ] || check "... NumPy's too" $PYTHON -c 'import numpy; from corsac_sim import number
assert [number(numpy.array(v, t)) for v, t in ((2.5, "f4"), ([2.5], "f4"), ([[3]], "i2"))] == [2.5, 2.5, 3]'
else
  skip 'the simulator in Python, because there is no python3'
fi

# --- alone ----------------------------------------------------------------------------------------
for language in $languages; do
  expect_status "$language alone" 0 env CORSAC_EPISODES=3 CORSAC_SEED=5 "$tmp/bin/$language"
  check 'it plays as many episodes as it should' [ "$(grep -c 'episode .* 100 steps, return -[0-9.]*, truncated' "$err")" = 3 ]
  [ "$language" = c ] && cp "$err" "$tmp/alone"
  check "the same as in C, in $language" cmp -s "$tmp/alone" "$err"
done

# --- trained --------------------------------------------------------------------------------------
quick="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 4000 --env-steps 2000 --checkpoint-every 1000
  --eval-every 1000 --eval-episodes 2 --log-every 500"
train 'exec: in C' $quick --env "exec:$tmp/bin/c" --run-dir "$tmp/c"
check 'its words are in the run directory' grep -q "started: exec $tmp/bin/c" "$tmp/c/environments/0.log"
check 'those of its evaluations, too' [ -s "$tmp/c/environments/evaluation-0.log" ]
check 'it ended by itself' grep -q 'it ended with exit status 0' "$tmp/c/environments/0.log"
check 'its info is a column' [ "$(column "$tmp/c/metrics.csv" info_energy | grep -c '[0-9]')" -ge 3 ]
check 'nobody is left' [ -z "$(pgrep -f "^$tmp/bin/c")" ]
expect_status 'on 3 ranks, two environments in each, in sync mode' 0 $MPIRUN -n 3 "$CORSAC" train $quick --envs 4 --sync --env "exec:$tmp/bin/c" --run-dir "$tmp/sync3"
expect_status 'max_hours counts the start, too' 75 "$CORSAC" train $quick --env "exec:sleep 2; exec $tmp/bin/c" --env-steps 1e8 --max-hours 0.0004 --run-dir "$tmp/hours"
check 'so no step is made after a long one' json_is "$tmp/hours/status.json" env_steps 0
train 'and in one process' $quick --envs 4 --sync --env "exec:$tmp/bin/c" --run-dir "$tmp/sync1"
check 'give the same run' cmp -s <(column "$tmp/sync3/metrics.csv" critic_loss) <(column "$tmp/sync1/metrics.csv" critic_loss)
expect_status 'it is evaluated' 0 "$CORSAC" eval "$tmp/c" --json
check 'without a directory for its words' [ ! -e environments ]
expect_status 'it is resumed' 0 "$CORSAC" train --resume "$tmp/c" --env-steps 2500
check 'inspect says what it would run' grep -qF "runs         exec:$tmp/bin/c (as eval" <("$CORSAC" inspect "$tmp/c")
check 'from its checkpoint' json_is "$tmp/c/status.json" env_steps 2500

# --- the matrix -----------------------------------------------------------------------------------
if [ "$CHECK_FULL" = 1 ]; then
  for language in $languages; do
    env="exec:$tmp/bin/$language" run=$tmp/matrix-$language
    expect_status "$language, async" 0 $MPIRUN -n 3 "$CORSAC" train $quick --env "$env" --run-dir "$run-async"
    expect_status "$language, sync" 0 $MPIRUN -n 3 "$CORSAC" train $quick --sync --env "$env" --run-dir "$run-sync"
    check "$language learns what C learns" cmp -s <(column "$run-sync/metrics.csv" critic_loss | head -n 4) <(column "$tmp/matrix-c-sync/metrics.csv" critic_loss | head -n 4)
    for how in async sync; do
      expect_status "$language, $how, resumed" 0 $MPIRUN -n 3 "$CORSAC" train --resume "$run-$how" --env-steps 3000
      check "$language, $how, goes on" json_is "$run-$how/status.json" env_steps 3000
    done
  done
else
  skip 'the other languages x {async, sync, resume}: CHECK_FULL=1 runs them'
fi

# --- plugins in processes of their own ------------------------------------------------------------
for isolate in --no-isolate --isolate; do
  train "a plugin with $isolate" $quick --sync --env "$plugins/counter.so:30" $isolate --eval-every 0 --run-dir "$tmp/plugin$isolate"
  train "stopped in an episode, with $isolate" $quick --sync --env "$plugins/counter.so:30" $isolate --eval-every 0 --env-steps 1000 --run-dir "$tmp/part$isolate"
  expect_status 'and resumed' 0 "$CORSAC" train --resume "$tmp/part$isolate" --env-steps 2000
done
for run in plugin--isolate part--no-isolate part--isolate; do
  check "$run is bit for bit the run in one process" cmp -s <(column "$tmp/plugin--no-isolate/metrics.csv" critic_loss | tail -n 1) <(column "$tmp/$run/metrics.csv" critic_loss | tail -n 1)
done

# --- what breaks costs an episode -----------------------------------------------------------------
faulty=$BUILD_DIR/simulators/faulty
expect_status 'a simulator that dies again and again' 1 "$CORSAC" train $quick --env "exec:$faulty segv" --env-max-failures 3 --run-dir "$tmp/segv"
check 'is named with its end' grep -q 'env_max_failures.*the process ended by signal 11 (Segmentation fault)' "$err"
expect_status 'one that hangs' 1 "$CORSAC" train $quick --env "exec:$faulty hang" --env-timeout 0.3 --env-max-failures 2 --run-dir "$tmp/hang"
check 'is named with its time' grep -q 'did not answer within 0.3 s (env_timeout)' "$err"
expect_status 'one that is not there' 1 "$CORSAC" train $quick --env 'exec:./no_such_simulator' --run-dir "$tmp/none"
check 'is named with the shell'"'"'s words' grep -q 'no_such_simulator: not found' "$err"
check 'and leaves no run directory' [ ! -e "$tmp/none" ]
expect_status 'nor on ranks' 1 $MPIRUN -n 3 "$CORSAC" train $quick --env 'exec:./no_such_simulator' --run-dir "$tmp/none"
check 'is named with the shell'"'"'s words' grep -q 'no_such_simulator: not found' "$err"
check 'and leaves no run directory' [ ! -e "$tmp/none" ]
expect_status 'no command' 2 "$CORSAC" train --env 'exec:' --run-dir "$tmp/none"
check 'is usage' grep -q "exec:COMMAND" "$err"
# One that dies now and then: the run goes on to its end.
printf '#!/bin/sh\nn=$(cat %s/count 2>/dev/null || echo 0)\necho $((n + 1)) >%s/count\n[ $n -lt 3 ] && exec %s segv\nexec %s good\n' \
  "$tmp" "$tmp" "$root/$faulty" "$root/$faulty" >"$tmp/bin/sometimes" && chmod +x "$tmp/bin/sometimes"
train 'one that dies three times' $quick --eval-every 0 --env "exec:$tmp/bin/sometimes" --run-dir "$tmp/sometimes"
echo 2 >"$tmp/count"
expect_status 'its evaluation makes an episode again' 0 "$CORSAC" eval "$tmp/sometimes"
check 'and says so' grep -q 'made again: .*Segmentation fault' "$err"
check 'costs three failures' [ "$(column "$tmp/sometimes/metrics.csv" env_failures | awk '{ n += $1 } END { print n }')" = 3 ]

# --- MPI programs: alone, and below an mpirun of their own ----------------------------------------
parallel=
if has mpicc && mpicc -O2 -I"$include" tests/support/simulators/mpi/parallel.c "$library" -o "$tmp/bin/parallel" 2>"$err"; then parallel=$tmp/bin/parallel; fi
if [ -n "$parallel" ]; then
  expect_status 'a simulator that calls MPI_Init itself, below ranks' 0 $MPIRUN -n 3 "$CORSAC" train $quick --eval-every 0 --env-steps 300 --env "exec:$parallel" --run-dir "$tmp/single"
  expect_status 'one below an mpirun of its own' 0 $MPIRUN -n 2 "$CORSAC" train $quick --eval-every 0 --env-steps 300 --env "exec:$MPIRUN -n 2 $parallel" --run-dir "$tmp/parallel"
else
  skip 'simulators that are MPI programs, because there is no mpicc that compiles'
fi

# --- no orphan ------------------------------------------------------------------------------------
start "$CORSAC" train $quick --env-steps 1e9 --eval-every 0 --env "exec:sh -c '$tmp/bin/c; true'" --run-dir "$tmp/killed"
wait_for pgrep -f "^$tmp/bin/c"
check 'a simulator below a shell runs' [ -n "$(pgrep -f "^$tmp/bin/c")" ]
kill -KILL "$background"
ended 'its actor is killed' 137
check 'and takes it along' wait_for sh -c "! pgrep -f '^$tmp/bin/c'"
if [ -n "$parallel" ]; then # whose ranks are in groups of their own
  start "$CORSAC" train $quick --env-steps 1e9 --eval-every 0 --env "exec:$MPIRUN -n 2 $parallel" --run-dir "$tmp/killed2"
  wait_for pgrep -f "^$parallel"
  kill -KILL "$background"
  ended 'the actor of a parallel simulator is killed' 137
  check 'its ranks go' wait_for sh -c "! pgrep -f '^$parallel'"
fi
if has mpirun; then
  start $MPIRUN -n 3 "$CORSAC" train $quick --env-steps 1e9 --eval-every 0 --env "exec:$tmp/bin/c" --run-dir "$tmp/killed3"
  wait_for pgrep -f "^$tmp/bin/c"
  kill -KILL "$background"
  ended 'mpirun is killed' 137
  check 'its simulators go' wait_for sh -c "! pgrep -f '^$tmp/bin/c'"
  check 'its ranks go' wait_for sh -c "! pgrep -f 'run-dir $tmp/killed3\$'"
fi
finish

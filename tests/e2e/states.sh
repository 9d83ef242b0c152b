#!/usr/bin/env bash
# Simulators with their own main loop that save their state: a resumed run goes on in the middle of
# an episode, bit for bit in sync mode, in every language that a compiler is there for; states in
# files; what a save or load that fails costs, and what it says.
. "$(dirname "$0")/lib.sh"

build=$root/${BUILD_DIR%/*} examples=$root/launch/examples/exec simulators=$root/$BUILD_DIR/simulators
library=$build/lib/libcorsac_sim.a include=$build/include
mkdir -p "$tmp/bin" "$tmp/gen"
has() { command -v "$1" >/dev/null; }
wall='-Wall -Wextra -Wpedantic -Werror -O2'
python_at() { printf '#!/bin/sh\nexec python3 %s "$@"\n' "$2" >"$tmp/bin/$1" && chmod +x "$tmp/bin/$1"; } # NAME FILE
languages='c'
check 'the example in C compiles' ${CC:-gcc} -std=c11 $wall -I"$include" "$examples/oscillator.c" "$library" -o "$tmp/bin/c"
if has "${CXX:-g++}"; then
  languages="$languages c++"
  check 'the example in C++ compiles' ${CXX:-g++} -std=c++11 $wall -I"$include" "$examples/oscillator.cpp" "$library" -o "$tmp/bin/c++"
else
  skip 'states in C++, because there is no g++'
fi
if has "${FC:-gfortran}"; then
  languages="$languages fortran"
  check 'the example in Fortran compiles' ${FC:-gfortran} -std=f2018 -O2 -Wall -Werror -J"$tmp/gen" "$include/corsac/corsac_sim.f90" "$examples/oscillator.f90" "$library" -o "$tmp/bin/fortran"
else
  skip 'states in Fortran, because there is no gfortran'
fi
if has python3; then
  export PYTHONPATH=$build/share/corsac/python PYTHONDONTWRITEBYTECODE=1
  languages="$languages python"
  python_at python "$examples/oscillator.py"
else
  skip 'states in Python, because there is no python3'
fi

# --- the exact resume -----------------------------------------------------------------------------
# 3 environments with 50 steps each, which is the middle of an episode of 100.
sync='--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 4000 --sync --envs 3 --checkpoint-every 150
  --eval-every 150 --eval-episodes 2 --log-every 50'
same_runs() { # NAME A B: their last checkpoints, of 300 steps
  if [ -n "$PYTHON" ]; then
    check "$1: the checkpoints are the same" $PYTHON "$h5" same "$2/ckpt-300.h5" "$3/ckpt-300.h5"
  else
    check "$1: the losses are the same" cmp -s <(column "$2/metrics.csv" critic_loss) <(column "$3/metrics.csv" critic_loss)
  fi
}
for language in $languages; do
  run=$tmp/$language env="exec:$tmp/bin/$language"
  train "$language: half a run" $sync --env "$env" --env-steps 150 --run-dir "$run"
  expect_status "$language: its checkpoint" 0 "$CORSAC" inspect "$run" --json
  check "$language: is exact" json_is "$out" exact true
  expect_status "$language: the other half on 3 ranks" 0 $MPIRUN -n 3 "$CORSAC" train --resume "$run" --env-steps 300
  train "$language: the whole run" $sync --env "$env" --env-steps 300 --run-dir "$run-whole"
  same_runs "$language" "$run" "$run-whole"
  expect_status "$language: check-env" 0 "$CORSAC" check-env "$env" --episodes 3
  for rule in save load 'load of garbage'; do
    check "$language: keeps the rule of $rule" grep -qE "^ok +$rule +" "$out"
  done
done
# Async: the episode that was under way goes on, and nothing is said of it.
train 'async: a run' ${sync/--sync/} --env "exec:$tmp/bin/c" --eval-every 0 --env-steps 150 --run-dir "$tmp/async"
expect_status 'async: resumed' 0 "$CORSAC" train --resume "$tmp/async" --env-steps 1500
check 'async: goes on' json_is "$tmp/async/status.json" env_steps 1500

# --- a state that is a file -----------------------------------------------------------------------
job="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 4000 --sync --checkpoint-every 75 --eval-every 0 --log-every 25"
restart() { printf 'exec:%s/saving file %s/restart.$CORSAC_INDEX.$CORSAC_EVALUATION' "$simulators" "$1"; }
mkdir "$tmp/one" "$tmp/two"
train 'a file: half a run' $job --envs 2 --env "$(restart "$tmp/one")" --env-steps 150 --run-dir "$tmp/file"
expect_status 'a file: the other half, in another directory' 0 "$CORSAC" train --resume "$tmp/file" --env "$(restart "$tmp/two")" --env-steps 300
train 'a file: the whole run' $job --envs 2 --env "$(restart "$tmp/two")" --env-steps 300 --run-dir "$tmp/file-whole"
check 'a file: the losses are the same' cmp -s <(column "$tmp/file/metrics.csv" critic_loss) <(column "$tmp/file-whole/metrics.csv" critic_loss)
check 'a file: it is in the checkpoint, and nowhere else' [ -z "$(ls "$tmp/one" "$tmp/two" | grep restart)" ]

# --- what fails -----------------------------------------------------------------------------------
train 'a save that fails costs no run' $job --env "exec:$simulators/saving reason" --env-steps 300 --run-dir "$tmp/reason"
check 'it is said once' [ "$(grep -c 'save returned -1: the mesh is being refined: its running episode cannot be saved, so a resume' "$tmp/reason/log.txt")" = 1 ]
expect_status 'it is resumed' 0 "$CORSAC" train --resume "$tmp/reason" --env-steps 400
train 'a run for loads that fail' $job --env "exec:$simulators/saving good" --env-steps 151 --run-dir "$tmp/loads"
refused() { bad "$1" 1 "$2" "$CORSAC" train --resume "$tmp/loads" --env "exec:$simulators/saving $1" --env-steps 400; }
refused load-reason 'load of 28 bytes failed: it is of another mesh'
refused load-less 'load has left 8 of the 12 bytes that save has put: the two differ, or another version'
refused no 'the process cannot load a state'
expect_status 'check-env finds a save that fails' 1 "$CORSAC" check-env "exec:$simulators/saving reason" --episodes 3
check 'with its reason' grep -qE '^error +save .*returned -1: the mesh is being refined' "$out"
expect_status 'and a load that differs' 1 "$CORSAC" check-env "exec:$simulators/saving load-less" --episodes 3
check 'with the difference' grep -qE '^error +load .*has left 8 of the 12 bytes' "$out"

# --- the bindings ---------------------------------------------------------------------------------
# fails NAME COMMAND TEXT: the save of a run fails with the text, which costs nothing else
fails() {
  train "$1" $job --env "exec:$2" --env-steps 100 --run-dir "$tmp/fails"
  check "$1 says so" grep -qF "save returned -1: $3: its running episode" "$tmp/fails/log.txt"
  rm -rf "$tmp/fails"
}
if has python3; then
  cat >"$tmp/odd.py" <<'END'
import sys, corsac_sim
count = 0
def save():
    return {"text": "no bytes", "int": 5, "exit": b"", "load": b"7", "none": None}[sys.argv[1]] if sys.argv[1] != "exit" else sys.exit("out")
def load(state):
    raise ValueError("a state of %d bytes" % len(state))
with corsac_sim.Sim("odd", 1, [-1], [1], save=save, load=load) as sim:
    while sim.wanted:
        count = 0
        sim.begin([count])
        while sim.acting:
            count += 1
            sim.step([count], 1, terminated=count == 40)
END
  python_at odd "$tmp/odd.py"
  fails 'Python: a save that gives a text' "$tmp/bin/odd text" "TypeError: memoryview: a bytes-like object is required, not 'str'"
  fails 'Python: a save that gives a number' "$tmp/bin/odd int" "TypeError: memoryview: a bytes-like object is required, not 'int'"
  train 'Python: a save that has no state now' $job --env "exec:$tmp/bin/odd none" --env-steps 100 --run-dir "$tmp/none"
  check 'says nothing' [ "$(grep -c 'cannot be saved' "$tmp/none/log.txt")" = 0 ]
  bad 'Python: an exit in save ends the program' 1 'step 2 of the episode failed: SystemExit: out' "$CORSAC" train $job --env "exec:$tmp/bin/odd exit" --env-steps 100 --env-max-failures 1 --run-dir "$tmp/exit"
  train 'Python: a run for a load that fails' $job --env "exec:$tmp/bin/odd load" --env-steps 100 --run-dir "$tmp/load"
  bad 'Python: a load that raises' 1 'load of 17 bytes failed: ValueError: a state of 1 bytes' "$CORSAC" train --resume "$tmp/load" --env-steps 200
fi
if has "${CXX:-g++}"; then
  cat >"$tmp/odd.cpp" <<'END'
#include <corsac/sim.hpp>
#include <cstdio>
int main(int count, char **words) try {
  std::vector<double> past;
  const std::string what = count > 1 ? words[1] : "", path = count > 2 ? words[2] : "";
  corsac::sim_spec spec("odd", 1, {-1}, {1}, 40);
  spec.save = [&](corsac::sim &sim) {
    if (what == "throw") throw std::logic_error("the mesh is being refined");
    if (what == "missing") sim.put_file("/no/restart");
    sim.put(past);
    if (std::FILE *file = std::fopen(path.c_str(), "w")) std::fclose(file);
    sim.put_file(path);
  };
  spec.load = [&](corsac::sim &sim) {
    past.assign(3, 0);
    sim.get(past);
    sim.get_file(path);
  };
  corsac::sim sim(spec);
  while (sim.wanted()) {
    past.clear();
    if (!sim.resumes()) past.push_back(static_cast<double>(sim.seed() % 7)); // else load brings it
    sim.begin({0});
    while (sim.acting()) {
      past.push_back(sim.action()[0]);
      double sum = 0;
      for (double one : past) sum += one;
      sim.step({static_cast<float>(past.size())}, sum);
    }
  }
} catch (const std::exception &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
END
  check 'a simulator in C++ compiles' ${CXX:-g++} -std=c++11 $wall -I"$include" "$tmp/odd.cpp" "$library" -o "$tmp/bin/odd++"
  fails 'C++: a save that throws' "$tmp/bin/odd++ throw" 'the mesh is being refined'
  fails 'C++: a file that is missing' "$tmp/bin/odd++ missing" '/no/restart: No such file or directory'
  expect_status 'C++: vectors and files' 0 "$CORSAC" check-env "exec:$tmp/bin/odd++ good $tmp/gen/restart" --episodes 3
  check 'C++: come back' grep -qE '^ok +load +from a state loaded' "$out"
fi
if has "${FC:-gfortran}"; then
  cat >"$tmp/odd.f90" <<'END'
module odd_state
  use corsac_sim
  use, intrinsic :: iso_c_binding
  implicit none
  real(c_double) :: grid(3, 2, 2)
  real(c_float) :: last
  integer(c_int) :: steps, list(5)
  integer(c_int64_t) :: long
  logical :: odd, flags(2)
  character(len=512) :: path
contains
  subroutine save_state(sim)
    type(corsac_simulator), intent(inout) :: sim
    integer :: unit
    if (path == 'fail') call corsac_fail(sim, 'the mesh is being refined')
    open (newunit=unit, file=path, form='unformatted', access='stream', status='replace')
    write (unit) list
    close (unit)
    call corsac_put(sim, grid)
    call corsac_put(sim, last)
    call corsac_put(sim, steps)
    call corsac_put(sim, long)
    call corsac_put(sim, odd)
    call corsac_put(sim, flags)
    call corsac_put_file(sim, path)
  end subroutine
  subroutine load_state(sim)
    type(corsac_simulator), intent(inout) :: sim
    integer :: unit
    grid = 7; last = 7; steps = 7; long = 7; odd = .true.; flags = .true.; list = 7
    call corsac_get(sim, grid)
    call corsac_get(sim, last)
    call corsac_get(sim, steps)
    call corsac_get(sim, long)
    call corsac_get(sim, odd)
    call corsac_get(sim, flags)
    call corsac_get_file(sim, path)
    open (newunit=unit, file=path, form='unformatted', access='stream', status='old')
    read (unit) list
    close (unit)
  end subroutine
end module

program odd_program
  use odd_state
  implicit none
  type(corsac_simulator) :: sim
  real(c_float) :: obs(1), action(1)
  call get_command_argument(1, path)
  call corsac_open(sim, 'odd', 1, [-1d0], [1d0], max_episode_steps=40, save=save_state, load=load_state)
  do while (sim%next == CORSAC_BEGIN_NEXT)
    if (.not. corsac_resumes(sim)) then
      grid = 0; last = 0; steps = 0; long = corsac_seed(sim); odd = .false.; flags = .false.; list = 0
    end if
    call corsac_begin(sim, [0.], action)
    do while (sim%next == CORSAC_ACT)
      steps = steps + 1
      grid(1 + mod(steps, 3), 2, 1) = action(1)
      list(1 + mod(steps, 5)) = steps
      last = action(1)
      long = ieor(long, int(steps, c_int64_t) * 1234567_c_int64_t)
      odd = .not. odd
      flags(2) = action(1) > 0
      obs = real(mod(long, 1000_c_int64_t), c_float) + last + count([odd, flags])
      call corsac_step(sim, obs, sum(grid) + sum(list), 0, action)
    end do
  end do
  call corsac_close(sim)
end program
END
  check 'a simulator in Fortran compiles' ${FC:-gfortran} -std=f2018 -O2 -Wall -Werror -J"$tmp/gen" "$include/corsac/corsac_sim.f90" "$tmp/odd.f90" "$library" -o "$tmp/bin/oddf"
  expect_status 'Fortran: every type, ranks 0 to 3, and files' 0 "$CORSAC" check-env "exec:$tmp/bin/oddf $tmp/gen/list" --episodes 3
  check 'Fortran: come back' grep -qE '^ok +load +from a state loaded' "$out"
  fails 'Fortran: a save that fails' "cd $tmp/gen && $tmp/bin/oddf fail" 'the mesh is being refined'
fi
finish

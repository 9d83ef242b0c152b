#!/usr/bin/env bash
# --cases: which case each environment and each episode plays, in plugins, programs, gym: and groups of
# ranks; metrics, evaluation and report by case; ranks, resume; bad files. Each step of the test's
# environments has its case's number as its reward, so a return is 10 times the number.
. "$(dirname "$0")/lib.sh"

build=$root/${BUILD_DIR%/*} sim=$root/$BUILD_DIR/simulators/cases
library=$build/lib/libcorsac_sim.a include=$build/include
plugin=$plugins/cases.so
printf '# four\none k=1\n\n  two\tk=2  \nthree k=3 # not a comment\r\nfour k=4\n' >"$tmp/cases"
quick="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 4000 --env-steps 600 --checkpoint-every 0
  --eval-every 300 --eval-episodes 8 --log-every 100 --cases $tmp/cases"
names='one two three four'
# right NAME RUN [WHICH]: every return in the columns of each case is that case's, and there are some
right() {
  local number=0 name found=
  for name in $names; do
    number=$((number + 1))
    for what in ${3:-return eval}; do
      column "$tmp/$2/metrics.csv" "case_${what}_$name" | grep -v '^$' >"$tmp/column"
      [ -s "$tmp/column" ] || found="$found, no $what of $name"
      grep -qvx "$((10 * number))" "$tmp/column" && found="$found, $what of $name: $(sort -u "$tmp/column" | tr '\n' ' ')"
    done
  done
  if [ -z "$found" ]; then pass; else fail "$1" "${found#, }"; fi
}
# episodes RUN NAME: how many training episodes of a case there were
episodes() { column "$tmp/$1/metrics.csv" "case_episodes_$2" | awk '{ n += $1 } END { print n + 0 }'; }
# played NAME RUN ENV ARGUMENTS...: a run whose returns are those of the cases
played() {
  expect_status "$1" 0 "$CORSAC" train $quick --run-dir "$tmp/$2" --env "$3" "${@:4}"
  right "$1: the returns are the cases'" "$2"
}

# --- a plugin -------------------------------------------------------------------------------------
export CASES_LOG=$tmp/log
played 'a case for each environment' fixed "$plugin:solver=fast" --envs 4
for name in $names; do check "a quarter of the episodes plays $name" [ "$(episodes fixed $name)" = 15 ]; done
check 'its case stands behind the arguments of --env' grep -qx 'create solver=fast three k=3 # not a comment' "$tmp/log"
check 'set_case is told, too' grep -qx 'set_case two k=2' "$tmp/log"
: >"$tmp/log"
played 'a case for each episode' drawn "$plugin:solver=fast" --cases-per episode
for name in $names; do check "some episodes play $name" above "$(episodes drawn $name)" 7; done
check 'its arguments are those of --env' grep -qx 'create solver=fast' "$tmp/log"
check 'and no other' [ "$(grep -c '^create solver=fast.' "$tmp/log")" = 0 ]
check 'set_case comes before each reset' awk '/^reset/ && last !~ /^set_case/ { exit 1 } { last = $0 }' "$tmp/log"
check 'the log tells the cases of an evaluation' grep -q 'evaluation at [0-9]* steps, by case: one 10.00, two 20.00, three 30.00, four 40.00' "$tmp/drawn/log.txt"
check 'config.yaml has the lines' grep -qx '  three k=3 # not a comment' "$tmp/drawn/config.yaml"
unset CASES_LOG
played 'in processes of their own' isolated "$plugin" --isolate --cases-per episode
played 'each with its case' isolated-fixed "$plugin" --isolate --envs 4
played 'with the one instance of a process, a case for each environment' alone "$plugins/cases_alone.so" --cases-per episode
# In async the quickest three might make all the steps.
expect_status '... on 5 ranks' 0 $MPIRUN -n 5 "$CORSAC" train $quick --sync --run-dir "$tmp/alone-fixed" --env "$plugins/cases_alone.so"
right '... the returns are right, also after loans' alone-fixed
export CASES_LOG=$tmp/group
expect_status 'two groups of two ranks' 0 $MPIRUN -n 5 "$CORSAC" train $quick --run-dir "$tmp/groups" --env "$plugin" --ranks-per-env 2 --cases-per episode
right 'a group has one case' groups
unset CASES_LOG
check 'and all its ranks are told' [ $(($(grep -c '^set_case' "$tmp/group") % 2)) = 0 ]
train 'a case of which no environment is' $quick --run-dir "$tmp/few" --env "$plugin" --envs 2 --eval-episodes 3
check 'is told' grep -q 'of 4 cases only the first 2 are trained on: set --envs 4, or --cases-per episode' "$tmp/few/log.txt"
check 'and one that is not evaluated' grep -q 'of 4 cases only the first 3 are evaluated: set --eval-episodes 4' "$tmp/few/log.txt"

expect_status 'a benchmark' 0 "$CORSAC" bench env --env "$plugin" --cases "$tmp/cases" --rounds 1 --seconds 0.01

# --- evaluation, report ---------------------------------------------------------------------------
mv "$tmp/cases" "$tmp/moved"
expect_status 'eval' 0 "$CORSAC" eval "$tmp/drawn" --episodes 6
check 'names the case of each episode' grep -qE '^ +5 +20\.000 +10  two$' "$out"
check 'and has the mean of each' grep -q '^case two: mean return 20.000 (20.000 to 20.000), mean length 10.0, 2 episodes$' "$out"
cp "$out" "$tmp/alone.txt"
expect_status 'eval on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" eval "$tmp/drawn" --episodes 6
check 'is the same' cmp -s "$tmp/alone.txt" "$out"
expect_status 'of a case for each environment' 0 "$CORSAC" eval "$tmp/fixed" --episodes 6
check 'too' cmp -s "$tmp/alone.txt" "$out"
expect_status 'as JSON' 0 "$CORSAC" eval "$tmp/drawn" --json
check 'with its cases' grep -qE '"name": "four"' "$out"
printf 'seven k=7\n' >"$tmp/other"
expect_status 'with other cases' 0 "$CORSAC" eval "$tmp/drawn" --cases "$tmp/other" --episodes 2
check 'has their returns' grep -q '^case seven: mean return 70.000' "$out"
expect_status 'with none' 0 "$CORSAC" eval "$tmp/drawn" --cases '' --episodes 2
check 'has no list of cases' [ "$(grep -c '^case' "$out")" = 0 ]
mv "$tmp/drawn/config.yaml" "$tmp/config.yaml"
expect_status 'the checkpoint has them, too' 0 "$CORSAC" eval "$tmp/drawn" --episodes 6
check '... the same' cmp -s "$tmp/alone.txt" "$out"
mv "$tmp/config.yaml" "$tmp/drawn/config.yaml"
expect_status 'report' 0 "$CORSAC" report "$tmp/drawn" --output "$tmp/report.html"
check 'has a row for each case' grep -q '<td class="name">four</td><td>[0-9]*</td><td>40.00</td><td>40.00</td><td>40.00</td>' "$tmp/report.html"
check 'and a chart of their evaluations' grep -q 'evaluation return of each case' "$tmp/report.html"
mv "$tmp/moved" "$tmp/cases"

# --- ranks and resume -----------------------------------------------------------------------------
sync="$quick --sync --envs 3 --cases-per episode --env-steps 303" # 101 steps each: in the middle of an episode
train 'sync, one process' $sync --env "$plugin" --run-dir "$tmp/one"
expect_status 'sync, 3 actors' 0 $MPIRUN -n 4 "$CORSAC" train $sync --env "$plugin" --run-dir "$tmp/three"
train 'a part of it' ${sync/303/153} --env "$plugin" --run-dir "$tmp/part"
expect_status 'resumed, on 2 actors' 0 $MPIRUN -n 3 "$CORSAC" train --resume "$tmp/part" --env-steps 303
train 'as a program' $sync --env "exec:$sim" --run-dir "$tmp/program"
train 'a part of that' ${sync/303/153} --env "exec:$sim" --run-dir "$tmp/program-part"
train 'resumed' --resume "$tmp/program-part" --env-steps 303
right 'the returns of a resumed run are right' part return
right 'of a program, too' program-part return
if [ -n "$PYTHON" ]; then
  check 'the same bits on 3 actors' "$PYTHON" "$h5" same "$tmp/one/ckpt-303.h5" "$tmp/three/ckpt-303.h5"
  check 'the same bits after a resume' "$PYTHON" "$h5" same "$tmp/one/ckpt-303.h5" "$tmp/part/ckpt-303.h5"
  check 'of a program, too' "$PYTHON" "$h5" same "$tmp/program/ckpt-303.h5" "$tmp/program-part/ckpt-303.h5"
else
  skip 'the checkpoints are the same: no python3-h5py here'
fi
expect_status 'the same cases may be given again' 0 "$CORSAC" train --resume "$tmp/part" --env-steps 306 --cases "$tmp/cases"
bad 'other cases in sync mode' 2 'cases: the run has other ones and a resume in sync mode cannot change them' "$CORSAC" train --resume "$tmp/part" --env-steps 400 --cases "$tmp/other"
bad 'another way to play them' 2 'cases_per: the run has episode and a resume in sync mode' "$CORSAC" train --resume "$tmp/part" --env-steps 400 --cases-per environment
train 'other cases in async mode' --resume "$tmp/drawn" --env-steps 900 --cases "$tmp/other"
check 'are told' grep -q "the cases are others than the checkpoint's: every environment begins a new episode" "$tmp/drawn/log.txt"
check 'are played' [ "$(column "$tmp/drawn/metrics.csv" case_return_seven | sort -u | tr -d '\n')" = 70 ]

# --- programs -------------------------------------------------------------------------------------
played 'a program asks for the case of each episode' exec "exec:$sim" --cases-per episode
played 'or has one of its own' exec-fixed "exec:$sim" --envs 4
played 'which is CORSAC_CASE' variable "exec:$sim fixed" --envs 4
played 'also where each episode has a process' restarted "exec:$sim fixed" --cases-per episode --restart-each-episode --env-steps 200 --eval-every 100
played 'over a socket' socket "exec:$sim" --channel unix --cases-per episode
train 'over a socket in the middle of an episode' ${quick/600/155} --env "exec:$sim" --channel unix --cases-per episode --eval-every 0 --run-dir "$tmp/socket-part"
train 'resumed' --resume "$tmp/socket-part" --env-steps 400
right 'goes on with its case' socket-part return
expect_status 'by hand' 0 env CORSAC_CASE='x k=5' CORSAC_EPISODES=1 "$sim"
check 'CORSAC_CASE is the case' grep -q 'return 50, truncated' "$err"
cat >"$tmp/cases.py" <<'END'
import os
import corsac_sim
with corsac_sim.Sim("cases", obs_dim=2, action_low=[-1], action_high=[1]) as sim:
    while sim.wanted:
        number, steps = float(sim.case.split("k=")[1].split()[0]), 0
        assert os.environ.get("CORSAC_CASE", sim.case) == sim.case
        sim.begin([0, 0])
        while sim.acting:
            steps += 1
            sim.step([steps / 10, 0], number, truncated=steps == 10)
END
cat >"$tmp/cases.cpp" <<'END'
#include <corsac/sim.hpp>
int main() {
  corsac::sim sim({"cases", 2, {-1}, {1}});
  while (sim.wanted()) {
    const double number = std::stod(sim.case_text().substr(sim.case_text().find("k=") + 2));
    sim.begin({0, 0});
    for (int steps = 1; sim.acting(); steps++) sim.step({steps / 10.f, 0}, number, steps == 10 ? CORSAC_TRUNCATED : 0);
  }
}
END
cat >"$tmp/cases.f90" <<'END'
program cases
  use corsac_sim
  use, intrinsic :: iso_c_binding
  type(corsac_simulator) :: sim
  real(c_float) :: obs(2), action(1)
  real(c_double) :: number
  character(len=:), allocatable :: text
  integer :: steps
  call corsac_open(sim, 'cases', obs_dim=2, action_low=[-1d0], action_high=[1d0])
  do while (sim%next == CORSAC_BEGIN_NEXT)
    text = corsac_case(sim)
    read (text(index(text, 'k=') + 2:index(text, 'k=') + 2), *) number
    obs = 0
    steps = 0
    call corsac_begin(sim, obs, action)
    do while (sim%next == CORSAC_ACT)
      steps = steps + 1
      call corsac_step(sim, obs, number, merge(CORSAC_TRUNCATED, 0, steps == 10), action)
    end do
  end do
  call corsac_close(sim)
end program
END
has() { command -v "$1" >/dev/null; }
if has python3; then
  export PYTHONPATH=$build/share/corsac/python
  played 'in Python' python "exec:python3 $tmp/cases.py" --cases-per episode
  played 'in Python, a case for each environment' python-fixed "exec:python3 $tmp/cases.py" --envs 4
else
  skip 'in Python, because there is no python3'
fi
if has "${CXX:-g++}" && ${CXX:-g++} -std=c++11 -I"$include" "$tmp/cases.cpp" "$library" -o "$tmp/c++"; then
  played 'in C++' cpp "exec:$tmp/c++" --cases-per episode
else
  skip 'in C++, because there is no g++'
fi
if has "${FC:-gfortran}" && mkdir "$tmp/gen" && ${FC:-gfortran} -J"$tmp/gen" "$include/corsac/corsac_sim.f90" "$tmp/cases.f90" "$library" -o "$tmp/f90"; then
  played 'in Fortran' fortran "exec:$tmp/f90" --cases-per episode
else
  skip 'in Fortran, because there is no gfortran'
fi

# --- gym: -----------------------------------------------------------------------------------------
python=${XDG_DATA_HOME:-$HOME/.local/share}/corsac/python/bin/python
[ -x "$python" ] || python=$root/${BUILD_DIR%/*}/data/corsac/python/bin/python
if [ -x "$python" ] || { python=python3 && python3 -c 'import gymnasium' 2>/dev/null; }; then
  export PYTHONPATH=$root/tests/support/python PYTHONDONTWRITEBYTECODE=1
  played 'gym: gets it with reset' gym gym:corsac_test_envs:test/Cases-v0 --python "$python" --cases-per episode
  played 'gym:, a case for each environment' gym-fixed gym:corsac_test_envs:test/Cases-v0 --python "$python" --envs 4
else
  skip 'gym:, because there is no Gymnasium'
fi

# --- check-env ------------------------------------------------------------------------------------
check_env() { expect_status "check-env: $1" "$2" "$CORSAC" check-env "${@:4}" && check "$1: $3" grep -qE -- "$3" "$out"; }
check_env 'no cases' 0 '^skipped +cases +none are given' "$plugin"
check_env 'each case' 0 '^ok +cases +each of 4 made an instance, was reset and stepped' "$plugin" --cases "$tmp/cases"
check_env 'each case by set_case' 0 '^ok +cases +each of 4' "$plugin" --cases "$tmp/cases" --cases-per episode
check_env 'each case of a program' 0 '^ok +cases +each of 4' "exec:$sim" --cases "$tmp/cases" --cases-per episode
printf 'a k=1\nb k=1\n' >"$tmp/same"
check_env 'cases that are the same' 0 '^warning +cases +all 2 cases begin with the same 20 steps' "$plugin" --cases "$tmp/same"
printf 'a k=1\nb k=2 fail\n' >"$tmp/fail"
check_env 'a case that fails' 1 '^error +cases +set_case \(episode 1\) failed.*this case is to fail' "$plugin" --cases "$tmp/fail"
printf 'a k=1\nb k=2 dim=5\n' >"$tmp/dim"
check_env 'a case of another shape' 1 '^error +cases +case b has obs_dim 5 and act_dim 1, the first one has 2 and 1' "$plugin" --cases "$tmp/dim"

# --- bad input ------------------------------------------------------------------------------------
# refused NAME REGEX [ARGUMENTS...]: of the file $tmp/bad, unless the arguments say something else
refused() {
  bad "$1" 2 "$2" "$CORSAC" train ${quick/$tmp\/cases/$tmp/bad} --env "$plugin" --run-dir "$tmp/refused" "${@:3}"
  check "$1: nothing is left" [ ! -e "$tmp/refused" ]
}
refused 'no such file' 'cases: .*/bad: .*No such file'
mkdir "$tmp/bad" && refused 'a directory' 'cases: .*/bad: is a directory, not a file'
rmdir "$tmp/bad" && mkfifo "$tmp/bad" && refused 'a pipe' 'cases: .*/bad: is a pipe, not a file'
rm "$tmp/bad" && printf '# none\n\n' >"$tmp/bad" && refused 'no case in it' 'cases: .*/bad: holds no case; each line is one: a name, a space'
printf 'a k=1\nb \xff\n' >"$tmp/bad" && refused 'no UTF-8' 'bad: line 2 has a byte that is not printable UTF-8, the 3th'
printf 'a k=1\0\n' >"$tmp/bad" && refused 'a zero byte' 'bad: line 1 holds a zero byte; a cases file is text'
printf 'a %02000d\n' 1 >"$tmp/bad" && refused 'a long line' 'bad: line 1 has 2002 bytes; a case may have 1023'
printf 'a k=1\nb k=2\na k=3\n' >"$tmp/bad" && refused 'two of a name' 'bad: line 3 is a second case a, after line 1; names have to differ'
printf 'a,b k=1\n' >"$tmp/bad" && refused 'a name with a comma' 'bad: line 1 begins with the name a,b; .* no comma'
seq 200 >"$tmp/bad" && refused 'too many' 'bad: line 129 is one case more than 128'
head -c 300000 /dev/zero >"$tmp/bad" && refused 'a large file' 'bad: has more than 262144 bytes, so it is no cases file'
printf 'a k=1\nb k=2\n' >"$tmp/bad"
refused 'no set_case' 'cases_per: .*counter.so has no function set_case, .*--cases-per environment' --env "$plugins/counter.so" --cases-per episode
refused 'no cases' 'cases_per: episode draws a case for each episode, but there are no cases; give --cases FILE' --cases '' --cases-per episode
refused 'a built-in environment' 'cases: Pendulum-v1 is built in and has no cases; --cases goes with a plugin, exec:, gym: and pettingzoo:' --env Pendulum-v1
refused 'another way' 'cases-per: must be one of environment|episode' --cases-per step
expect_status 'an isolated plugin without set_case' 1 "$CORSAC" train ${quick/$tmp\/cases/$tmp/bad} --env "$plugins/counter.so" --isolate --cases-per episode --env-max-failures 1 --run-dir "$tmp/isolated-counter"
check 'is refused' grep -q 'cases_per: it has no function set_case' "$err"
cp "$tmp/fail" "$tmp/bad"
expect_status 'a case that the environment refuses' 1 "$CORSAC" train ${quick/$tmp\/cases/$tmp/bad} --env "$plugin" --envs 2 --env-max-failures 2 --run-dir "$tmp/fails"
check 'is named' grep -q 'environment 1 (training): set_case to b failed: this case is to fail' "$err"
finish

#!/usr/bin/env bash
# libcorsac_policy as others use it: installed, found by pkg-config, from C, C++ and Fortran, shared
# and static, and by a simulator that runs alone with CORSAC_POLICY. It acts as `corsac eval` does.
. "$(dirname "$0")/lib.sh"
flavour=$(basename "$BUILD_DIR") prefix=$tmp/prefix examples=$root/launch/examples
expect_status 'make install' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$flavour" install PREFIX="$prefix"
mv "$prefix" "$tmp/moved" && prefix=$tmp/moved # the installed tree can be moved
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
flags=$(pkg-config --cflags --libs corsac-policy)
check 'pkg-config finds it where it is' [ "$(pkg-config --variable=prefix corsac-policy)/lib" -ef "$prefix/lib" ]
check 'and says the version' [ "corsac $(pkg-config --modversion corsac-policy)" = "$("$CORSAC" --version | head -n 1)" ]

quick='--hidden 24,16 --batch-size 16 --learning-starts 100 --env-steps 400 --eval-every 200 --eval-episodes 1'
train 'a run' $quick --env Pendulum-v1 --normalize-observations --run-dir "$tmp/run"
expect_status 'its policy as .npz' 0 "$CORSAC" export "$tmp/run" --format npz -o "$tmp/policy.npz"
expect_status 'eval' 0 "$CORSAC" eval "$tmp/run" --episodes 1 --json
# The first observation, and the first action's bits.
first() { python3 -c "import json, struct, sys; print(*$1)" <"$tmp/eval.json"; }
cp "$out" "$tmp/eval.json"
if command -v python3 >/dev/null; then
  observation=$(first "['%.9g' % x for x in json.load(sys.stdin)['first_observation']]")
  action=$(first "['%.9g' % x for x in json.load(sys.stdin)['first_action']]")
else
  observation='1 0 0' action=
  skip 'the comparison with eval, because there is no python3'
fi

if [ -n "$PYTHON" ]; then
  expect_status 'a policy with a history' 0 "$PYTHON" "$root/tests/e2e/lib_npz.py" history "$tmp/policy.npz" 3 1 "$tmp/history.npz"
else
  skip 'a policy with a history, because there is no python3-h5py, which brings NumPy'
fi

wall='-Wall -Wextra -Wpedantic -Werror -O2'
# user NAME COMMAND...: builds the example, which acts as eval does with each kind of file, and as
# the one in C
user() {
  local name=$1 file
  shift
  expect_status "in $name it compiles, without a warning" 0 "$@" -o "$tmp/$name"
  [ $status = 0 ] || return
  for file in "$tmp/run" "$tmp/run/ckpt-400.h5" "$tmp/policy.npz"; do
    expect_status "in $name it acts with ${file##*/}" 0 "$tmp/$name" "$file" $observation
    awk '{ printf "%s", $1; for (i = 2; i <= NF; i++) printf " %.9g", $i; print "" }' "$out" >"$tmp/said"
    [ -e "$tmp/first" ] || cp "$tmp/said" "$tmp/first"
    check "in $name as in C with ${file##*/}" cmp -s "$tmp/first" "$tmp/said"
  done
  check "in $name twelve lines are said" [ "$(wc -l <"$tmp/said")" = 12 ]
  if [ -e "$tmp/history.npz" ]; then
    expect_status "in $name it acts with a history" 0 "$tmp/$name" "$tmp/history.npz" $observation
    awk '{ printf "%s", $1; for (i = 2; i <= NF; i++) printf " %.9g", $i; print "" }' "$out" >"$tmp/said"
    [ -e "$tmp/steps" ] || cp "$tmp/said" "$tmp/steps"
    check "in $name as in C, in three steps that differ" cmp -s "$tmp/steps" "$tmp/said"
    check "in $name by steps alone" [ "$(grep -c '^step ' "$tmp/said") $(sort -u "$tmp/said" | wc -l)" = '3 3' ]
  fi
  expect_status "in $name a file that is missing" 1 "$tmp/$name" "$tmp/nowhere.h5"
  check "in $name it says so" grep -q 'nowhere.h5: cannot be opened: No such file' "$err"
}
user c ${CC:-gcc} -std=c11 $wall "$examples/policy/act.c" $flags
if [ -n "$action" ]; then check "it acts as eval does, bit for bit" [ "$(sed -n 's/^act //p' "$tmp/first")" = "$action" ]; fi
check 'draws differ' [ "$(grep -v '^step' "$tmp/first" | sort -u | wc -l)" = 9 ]
check 'without a history each step is the same' [ "$(sed -n 's/^step /act /p' "$tmp/first" | sort -u)" = "$(head -n 1 "$tmp/first")" ]
case $flavour in asan | tsan | ubsan | coverage) ;; *)
  user static ${CC:-gcc} -std=c11 $wall "$examples/policy/act.c" -I"$prefix/include" "$prefix/lib/libcorsac_policy.a" $(pkg-config --static --libs corsac-policy | sed 's/-lcorsac_policy//')
  check 'the static one needs no library of ours' [ -z "$(ldd "$tmp/static" | grep corsac)" ]
  ;;
esac
if command -v ${CXX:-g++} >/dev/null; then
  user c++ ${CXX:-g++} -std=c++11 $wall "$examples/policy/act.cpp" $flags
else
  skip 'C++, because there is no g++'
fi
if command -v ${FC:-gfortran} >/dev/null; then
  mkdir "$tmp/modules"
  user fortran ${FC:-gfortran} -std=f2008 -O2 -Wall -Wno-maybe-uninitialized -J"$tmp/modules" "$prefix/include/corsac/corsac_policy.f90" "$examples/policy/act.f90" $flags
else
  skip 'Fortran, because there is no gfortran'
fi

library=$prefix/lib/libcorsac_policy.so
check 'nothing else is visible' [ -z "$(nm -D --defined-only "$library" | awk '{ print $3 }' | grep -v '^corsac_policy_')" ]
check 'nor in the static one' [ -z "$(nm -g --defined-only "$prefix/lib/libcorsac_policy.a" | awk 'NF == 3 { print $3 }' | grep -v '^corsac_policy_')" ]
check 'neither MPI nor BLAS is needed' [ -z "$(ldd "$library" | grep -iE 'libmpi|blas')" ]

# --- files that are no good -----------------------------------------------------------------------
head -c 5000 "$tmp/run/ckpt-400.h5" >"$tmp/cut.h5"
head -c 1000 "$tmp/policy.npz" >"$tmp/cut.npz"
echo hello >"$tmp/text.h5"
mkdir "$tmp/empty"
for case in 'cut.h5 truncated|damaged' 'cut.npz not a whole .npz file' 'text.h5 no HDF5 file' 'empty holds no checkpoint yet'; do
  expect_status "${case%% *} is refused" 1 "$tmp/c" "$tmp/${case%% *}"
  check "and why" grep -qE "${case%% *}.*(${case#* })" "$err"
  check 'in one line' [ "$(wc -l <"$err")" = 1 ]
done
mkdir "$tmp/half" && cp "$tmp/run/ckpt-400.h5" "$tmp/half/ckpt-300.h5"
head -c 3000 "$tmp/run/ckpt-400.h5" >"$tmp/half/ckpt-400.h5"
expect_status 'of a run whose newest checkpoint is cut off' 0 "$tmp/c" "$tmp/half" $observation
check 'the one before it acts' [ "$(head -n 1 "$out")" = "$(head -n 1 "$tmp/first")" ]

# --- a simulator alone ----------------------------------------------------------------------------
expect_status 'the oscillator, with the static libcorsac_sim' 0 ${CC:-gcc} -O2 -I"$prefix/include" "$examples/exec/oscillator.c" "$prefix/lib/libcorsac_sim.a" -ldl -o "$tmp/oscillator"
expect_status 'the oscillator, with the shared one' 0 ${CC:-gcc} -O2 -I"$prefix/include" "$examples/exec/oscillator.c" -L"$prefix/lib" -lcorsac_sim -Wl,-rpath,"$prefix/lib" -o "$tmp/oscillator_so"
train 'it is trained' $quick --env "exec:$tmp/oscillator" --run-dir "$tmp/o"
alone() { run env CORSAC_EPISODES=3 "${@:2}" "$tmp/$1"; }
alone oscillator CORSAC_POLICY="$tmp/o"
check 'alone it acts with the policy' [ "$status $(grep -c 'episode .* 100 steps' "$err")" = '0 3' ]
check 'and says with which' grep -q "with the policy of $tmp/o/ckpt-400.h5" "$err"
cp "$err" "$tmp/policy.said"
alone oscillator
check 'without it returns are others' [ "$(grep -c 'random actions' "$err") $(cmp -s "$err" "$tmp/policy.said" && echo same)" = '1 ' ]
unset LD_LIBRARY_PATH
alone oscillator_so CORSAC_POLICY="$tmp/o"
check 'the library beside the shared libcorsac_sim is found' cmp -s "$err" "$tmp/policy.said"
alone oscillator CORSAC_POLICY="$tmp/o" CORSAC_POLICY_LIBRARY="$library"
check 'CORSAC_POLICY_LIBRARY names it' cmp -s "$err" "$tmp/policy.said"
# refused NAME REGEX VARIABLE=VALUE...
refused() {
  alone "$3" "${@:4}"
  check "$1" [ "$status $(grep -cE "^corsac_sim: CORSAC_POLICY: .*$2" "$err") $(wc -l <"$err")" = '1 1 1' ]
}
refused 'a library that is missing' 'libcorsac_policy.so: cannot open shared object.*CORSAC_POLICY_LIBRARY' oscillator CORSAC_POLICY="$tmp/o"
refused 'one that is another' 'has no corsac_policy_abi' oscillator CORSAC_POLICY="$tmp/o" CORSAC_POLICY_LIBRARY="$prefix/lib/libcorsac_sim.so"
refused 'a file that is missing' 'nowhere: cannot be opened' oscillator_so CORSAC_POLICY="$tmp/nowhere"
refused 'a policy of another environment' 'trained in Pendulum-v1 with obs_dim 3 and act_dim 1; this simulator has 2 and 1' oscillator_so CORSAC_POLICY="$tmp/run"
# A policy that acts in every fourth step does so in whatever form it leaves.
cat >"$tmp/held.c" <<'END'
#include <corsac/sim.h>
#include <stdio.h>
int main(void) {
  const double low[] = {-1}, high[] = {1};
  const struct corsac_sim_spec spec = {.size = sizeof spec, .obs_dim = 1, .act_dim = 1, .max_episode_steps = 10,
                                       .action_low = low, .action_high = high};
  struct corsac_sim *sim = corsac_sim_open(&spec);
  int next = sim ? CORSAC_SIM_BEGIN : -1;
  while (next == CORSAC_SIM_BEGIN) {
    float obs = 0.5f, action;
    next = corsac_sim_begin(sim, &obs, &action);
    for (int t = 0; next == CORSAC_SIM_ACT; t++) {
      printf("%d %.9g\n", t, (double)action);
      obs = (float)(t % 3);
      next = corsac_sim_step(sim, &obs, -1, 0, &action);
    }
  }
  corsac_sim_close(sim);
  return next == CORSAC_SIM_STOP ? 0 : 1;
}
END
expect_status 'a program that says its actions' 0 ${CC:-gcc} -O2 -I"$prefix/include" "$tmp/held.c" -L"$prefix/lib" -lcorsac_sim -Wl,-rpath,"$prefix/lib" -o "$tmp/held"
train 'it is trained with held actions' $quick --env "exec:$tmp/held" --frame-skip 4 --run-dir "$tmp/h"
for format in c npz onnx; do "$CORSAC" export "$tmp/h" --format $format -o "$tmp/h.$format" 2>/dev/null; done
for from in h h.npz; do
  alone held CORSAC_POLICY="$tmp/$from"
  check "alone, $from holds its actions for four steps" awk '$1 % 4 == 0 ? $2 == last : $2 != last { exit 1 } { last = $2 }' "$out"
  check 'to the end of each episode' [ "$status $(wc -l <"$out")" = '0 30' ]
done
check 'the C file says so' grep -q 'acts once in 4 steps' "$tmp/h.c"
check 'and the ONNX' grep -qa 'frame_skip' "$tmp/h.onnx"
alone held
check 'random actions are not held' [ "$(cut -d' ' -f2 "$out" | sort -u | wc -l)" = 30 ]
# The bounds may be those of the run.
sed 's/{-1}/{-__builtin_inf()}/; s/{1}/{__builtin_inf()}/' "$tmp/held.c" >"$tmp/endless.c"
expect_status 'a program whose actions have no end' 0 ${CC:-gcc} -O2 -I"$prefix/include" "$tmp/endless.c" -L"$prefix/lib" -lcorsac_sim -Wl,-rpath,"$prefix/lib" -o "$tmp/endless"
train 'it is trained' $quick --env "exec:$tmp/endless" --action-low -1 --action-high 0.5 --run-dir "$tmp/e"
alone endless CORSAC_POLICY="$tmp/e"
check 'alone it has the bounds of the run' awk '$2 < -1 || $2 > 0.5 { exit 1 }' "$out"
check 'in each step' [ "$status $(wc -l <"$out")" = '0 30' ]
alone held CORSAC_POLICY="$tmp/e"
check 'so has one with wider bounds' [ "$status $(wc -l <"$out")" = '0 30' ]
alone endless
check 'at random it needs bounds' grep -q 'bounds of action component 0 are' "$err"
sed 's/{-1}/{-0.5}/' "$tmp/held.c" >"$tmp/narrow.c"
expect_status 'a program with narrower bounds' 0 ${CC:-gcc} -O2 -I"$prefix/include" "$tmp/narrow.c" -L"$prefix/lib" -lcorsac_sim -Wl,-rpath,"$prefix/lib" -o "$tmp/narrow"
refused 'a policy whose actions go beyond these' 'action 0 goes from -1 to 1; here it goes from -0.5 to 1' narrow CORSAC_POLICY="$tmp/h"
for wrong in EPISODES=-3 EPISODES=many SEED=xyz; do
  run timeout 20 env "CORSAC_$wrong" "$tmp/oscillator"
  check "CORSAC_$wrong" [ "$status $(grep -c "CORSAC_${wrong%=*} is '${wrong#*=}', which is no number" "$err")" = '1 1' ]
done
if has() { command -v "$1" >/dev/null; } && has python3; then
  run env CORSAC_EPISODES=3 CORSAC_POLICY="$tmp/o" PYTHONPATH="$prefix/share/corsac/python" python3 "$examples/exec/oscillator.py"
  check 'in Python, too' [ "$status $(grep -c 'episode .* 100 steps' "$err")" = '0 3' ]
fi
expect_status 'make uninstall' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$flavour" uninstall PREFIX="$prefix"
check 'leaves nothing' [ -z "$(find "$prefix" -type f)" ]
finish

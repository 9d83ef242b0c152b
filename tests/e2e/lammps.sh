#!/usr/bin/env bash
# launch/examples/mpi/lammps.c: LAMMPS as a plugin, in groups of ranks. Skipped where liblammps-dev is
# not installed. CHECK_FULL=1: the commands of the manual, and it learns.
. "$(dirname "$0")/lib.sh"

if ! printf '#include <lammps/library.h>\nint main(void) { return lammps_config_has_exceptions() > 1; }\n' >"$tmp/there.c" ||
  ! mpicc "$tmp/there.c" -llammps -o "$tmp/there" 2>"$err"; then
  skip 'LAMMPS, because liblammps-dev or mpicc is not installed: launch/install-deps.sh lammps'
  pass
  finish
fi
example=$root/launch/examples/mpi/lammps.c include=$root/${BUILD_DIR%/*}/include
compile=$(sed -nE 's#^// +(mpicc .*)#\1#p' "$example")
cp "$example" "$tmp"
expect_status 'it compiles as it says' 0 sh -c "cd '$tmp' && $compile -I'$include' -Wall -Wextra -Wpedantic -Werror"

# --- one rank and several -------------------------------------------------------------------------
expect_status 'a test of its trajectory compiles' 0 mpicc -std=c11 -Wall -Wextra -Werror -I"$include" tests/support/mpi_examples/trajectory.c "$tmp/lammps.so" -lm -o "$tmp/trajectory"
for ranks in 2 3; do
  expect_status "it runs on $ranks" 0 $MPIRUN -n $ranks "$tmp/trajectory" 1e-3
  check "$ranks ranks compute what one does: $(head -n 1 "$out")" grep -qx same "$out"
done
expect_status 'it trains in two groups of 2' 0 $MPIRUN -n 5 "$CORSAC" train $small --env "$tmp/lammps.so" --ranks-per-env 2 --env-steps 150 --eval-every 0 --run-dir "$tmp/run"
check 'to its end, and all ranks leave' grep -q 'done after 150 steps' "$tmp/run/log.txt"
expect_status 'it is evaluated' 0 $MPIRUN -n 3 "$CORSAC" eval "$tmp/run" --episodes 1 --json
check 'in one episode' json_is "$out" length_mean 50.0

# --- the manual -----------------------------------------------------------------------------------
block sh lammps.c | sed -E 's/ +#.*//; /^launch/d' >"$tmp/manual"
check 'the manual has its commands' [ "$(grep -c corsac "$tmp/manual")" = 3 ]
if [ "$CHECK_FULL" = 1 ]; then # ranks that compute together are slow beside other work, so it learns in one process
  mkdir -p "$tmp/work/build" "$tmp/bin"
  ln -s "$root/launch" "$tmp/work/launch"
  ln -s "$include" "$tmp/work/build/include"
  ln -s "$CORSAC" "$tmp/bin/corsac"
  export PATH=$tmp/bin:$PATH OMPI_MCA_rmaps_base_oversubscribe=1
  cd "$tmp/work" || exit 1
  sed -n -E ':a; /\\$/ { N; s/\\\n//; ta }; s|4000|400|; p' "$tmp/manual" >"$tmp/commands"
  while read -r command <&3; do expect_status "the manual's $command" 0 bash -c "$command"; done 3<"$tmp/commands"
  cd "$root" || exit 1
  train 'in one process' --env "$tmp/lammps.so" --seed 1 --env-steps 4000 --hidden 64,64 --learning-starts 300 --eval-every 1000 --run-dir "$tmp/learns"
  reached=$(sed -nE 's/.*the policy at 4000 steps has a mean return of (-[0-9.]+).*/\1/p' "$err")
  check "it learns: random actions reach -4, the policy $reached" above "$reached" -2
else
  skip "the manual's commands, and that it learns: CHECK_FULL=1 runs them"
fi

# --- what LAMMPS refuses --------------------------------------------------------------------------
sed 's/pair_style lj/pair_style nonsense/' "$example" >"$tmp/wrong.c"
expect_status 'one with a wrong command compiles' 0 sh -c "cd '$tmp' && $(echo "$compile -I'$include'" | sed 's/lammps\.\(c\|so\)/wrong.\1/g')"
expect_status 'and cannot train' 1 "$CORSAC" train $small --env "$tmp/wrong.so:$tmp/words" --env-steps 100 --env-max-failures 1 --run-dir "$tmp/wrong"
check "LAMMPS' words are in its file, or in the log" grep -q 'nonsense' "$tmp/words.0" "$tmp/wrong/log.txt"
check 'corsac says which call it was' grep -q 'wrong.so.*reset' "$tmp/wrong/log.txt"
finish

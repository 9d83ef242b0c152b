#!/usr/bin/env bash
# The example plugins and what `corsac new-env` writes, in each language: compiled as their comments
# say against an installed tree, without a warning, kept to every rule of the ABI, and trained.
. "$(dirname "$0")/lib.sh"

flavour=$(basename "$BUILD_DIR") prefix=$tmp/prefix
expect_status 'make install' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$flavour" install PREFIX="$prefix"
corsac=$prefix/bin/corsac share=$prefix/share/corsac
for file in $(git ls-files launch/examples launch/presets 2>/dev/null || find launch/examples launch/presets -type f); do
  check "it installs $file" cmp -s "$file" "$share/${file#launch/}"
done
for file in common/env/env.h common/env/corsac_env.f90; do check "it installs $file" cmp -s $file "$prefix/include/corsac/${file##*/}"; done
expect_status 'make install with DESTDIR' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$flavour" install DESTDIR="$tmp/dest" PREFIX=/usr
check 'is the same below it' diff -rq "$prefix" "$tmp/dest/usr"

# Small networks, a few thousand steps.
tiny='--seed 3 --hidden 16,16 --batch-size 32 --learning-starts 200 --replay-capacity 5000 --eval-episodes 2 --eval-every 1000 --checkpoint-every 1000
  --log-every 500'
async() { # PLUGIN
  expect_status "$1 async" 0 $MPIRUN -n 3 "$corsac" train $tiny --env "$1" --env-steps 3000 --run-dir "$1.async"
  check "$1 is evaluated" grep -qE 'the policy at 3000 steps has a mean return of -?[0-9]' "$err"
}
sync() {
  local job="train $tiny --env $1 --env-steps 2000 --sync --sync-steps 10 --envs 2"
  expect_status "$1 sync on ranks" 0 $MPIRUN -n 3 "$corsac" $job --run-dir "$1.ranks"
  expect_status "$1 sync in one process" 0 "$corsac" $job --run-dir "$1.one"
  same "$1 sync is the same on ranks" "$1.ranks/ckpt-2000.h5" "$1.one/ckpt-2000.h5"
}
resume() {
  local job="train $tiny --env $1 --sync --sync-steps 10 --envs 2"
  expect_status "$1 sync, half" 0 $MPIRUN -n 3 "$corsac" $job --env-steps 1000 --run-dir "$1.halves"
  expect_status "$1 resumed" 0 "$corsac" train --resume "$1.halves" --env-steps 2000
  expect_status "$1 in one go" 0 "$corsac" $job --env-steps 2000 --run-dir "$1.whole"
  same "$1 resumed is the one that never stopped" "$1.halves/ckpt-2000.h5" "$1.whole/ckpt-2000.h5"
}
same() {
  if [ -n "$PYTHON" ]; then check "$1" $PYTHON "$h5" same "$2" "$3"; else skip "$1: no python3-h5py here"; fi
}

# language NAME EXAMPLE COMPILER ROW: the example, and a skeleton made from it
language() {
  local name=$1 example=$2 compiler=$3 row=$4 compile base
  base=${example%.*}
  if ! command -v "$compiler" >/dev/null; then
    skip "plugins in $name, because there is no $compiler here"
    return
  fi
  mkdir -p "$tmp/$name" && cd "$tmp/$name" || exit 1
  cp "$share/examples/plugin/$example" .
  check "$example is short" [ "$(wc -l <"$example")" -lt 100 ]
  compile=$(sed -nE 's#^(//|!) +('"${compiler//+/\\+}"' .*-shared.*)#\2#p' "$example" | head -n 1)
  expect_status "$example compiles as it says" 0 sh -c "$(echo "$compile" | sed "s#build/include#$prefix/include#") -Wall -Wextra -Wpedantic -Werror"
  expect_status "$base keeps the rules" 0 "$corsac" check-env "./$base.so"
  check "$base all of them" grep -q ': 0 errors, 0 warnings' "$out"
  if [ "$CHECK_FULL" = 0 ]; then $row "./$base.so"; else for r in async sync resume; do $r "./$base.so"; done; fi

  expect_status "new-env in $name" 0 "$corsac" new-env mine --lang "$name"
  for command in make 'make check' 'make train'; do check "it says $command" grep -qE "^  $command +#" "$out"; done
  cd mine || exit 1
  export CFLAGS='-Wall -Wextra -Werror' CXXFLAGS='-Wall -Wextra -Werror' FFLAGS='-Wall -Wextra -Werror'
  expect_status "the one in $name compiles" 0 env MAKEFLAGS= make
  check 'nothing of the example is left' sh -c '! grep -q "$1" ./*' sh "$base"
  expect_status "the one in $name keeps the rules" 0 env MAKEFLAGS= make check
  expect_status "the one in $name trains" 0 env MAKEFLAGS= make train OPTIONS="$(echo $tiny) --env-steps 1000 --run-dir run"
  check "to the end asked for" [ -s run/ckpt-1000.h5 ]
  unset CFLAGS CXXFLAGS FFLAGS
  cd "$root" || exit 1
}
language c cart_pole.c gcc async
language c++ two_tanks.cpp g++ sync
language fortran heat_rod.f90 gfortran resume

# In Python: a program with its own main loop.
if command -v python3 >/dev/null; then
  mkdir "$tmp/python" && cd "$tmp/python" || exit 1
  expect_status 'new-env in python' 0 "$corsac" new-env mine --lang python
  cd mine || exit 1
  expect_status 'it runs alone' 0 env MAKEFLAGS= CORSAC_EPISODES=2 make
  check 'for two episodes' grep -q 'episode 1: 100 steps' "$err"
  expect_status 'it trains' 0 env MAKEFLAGS= make train OPTIONS="$(echo $tiny) --env-steps 1000 --run-dir run"
  check 'to its end' [ -s run/ckpt-1000.h5 ]
  [ "$CHECK_FULL" = 0 ] || expect_status 'it keeps the rules' 0 env MAKEFLAGS= make check
  cd "$root" || exit 1
else
  skip 'a skeleton in Python, because there is no python3 here'
fi

# The Fortran types are the header's.
if command -v gfortran >/dev/null; then
  cat >"$tmp/sizes.f90" <<'END'
program sizes
  use corsac_env_abi
  type(corsac_env_config) :: config
  type(corsac_env_spec) :: spec
  type(corsac_env_table) :: table
  print '(*(i0, 1x))', c_sizeof(config), c_sizeof(spec), c_sizeof(table), table%abi
end program
END
  printf '#include <corsac/env.h>\n#include <stdio.h>\nint main(void) { printf("%%zu %%zu %%zu %%d\\n", %s, CORSAC_ENV_ABI); }\n' \
    'sizeof(struct corsac_env_config), sizeof(struct corsac_env_spec), sizeof(struct corsac_env)' >"$tmp/sizes.c"
  expect_status 'sizes in Fortran' 0 sh -c "cd '$tmp' && gfortran '$prefix/include/corsac/corsac_env.f90' sizes.f90 -o sizes_f && ./sizes_f"
  f=$(cat "$out")
  expect_status 'sizes in C' 0 sh -c "cd '$tmp' && gcc -I '$prefix/include' sizes.c -o sizes_c && ./sizes_c"
  check 'are the same' [ "$(echo $f)" = "$(cat "$out")" ]
fi

# As the manual has it.
if command -v gfortran >/dev/null; then
  block sh 'corsac new-env tank' >"$tmp/session.sh"
  check 'the manual begins an environment' [ -s "$tmp/session.sh" ]
  expect_status 'and it runs as shown' 0 env MAKEFLAGS= PATH="$prefix/bin:$PATH" sh -ec "cd '$tmp' && . ./session.sh"
  check 'to its end' [ -s "$tmp/tank/first/ckpt-5000.h5" ]
fi

# What new-env refuses; in the build tree it finds the build's header.
cd "$tmp" || exit 1
expect_status 'new-env in the build tree' 0 "$CORSAC" new-env tree
check 'with its header' grep -qx "CORSAC_INCLUDE ?= $root/${BUILD_DIR%/*}/include" tree/Makefile
cp -r tree before
bad 'a directory that is there' 2 'File exists; nothing was changed' "$CORSAC" new-env tree
check 'and it changes nothing' diff -r tree before
bad 'a number' 2 'is no valid name' "$CORSAC" new-env 3d
bad 'a path' 2 'is no valid name' "$CORSAC" new-env a/b
bad 'a keyword' 2 'is used in the code already' "$CORSAC" new-env while
bad 'a name of the example' 2 'is used in the code already' "$CORSAC" new-env State
bad 'no name' 2 'give it a name' "$CORSAC" new-env
bad 'another language' 2 'did you mean fortran' "$CORSAC" new-env x --lang fortrn
bad 'another language, of agents' 2 'did you mean python' "$CORSAC" new-env x --lang pyton --agents 3
bad 'an FMU without its language' 2 'an FMU goes with --lang fmu' "$CORSAC" new-env tank.fmu
bad 'another option' 2 'did you mean --lang' "$CORSAC" new-env x --lan c
check 'none of them makes a directory' [ ! -e x ]
cd "$root" || exit 1
expect_status 'make uninstall' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$flavour" uninstall PREFIX="$prefix"
check 'leaves nothing' [ -z "$(find "$prefix" -type f)" ]
finish

#!/usr/bin/env bash
# The environment in `corsac help environments` compiles as shown and can be trained, from the
# installed program too.
. "$(dirname "$0")/lib.sh"

# Installed below a directory of its own. The Makefile would take a relative path from its own
# directory.
flavour=$(basename "$BUILD_DIR")
expect_status 'make install' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$flavour" install PREFIX="$tmp/prefix"
for file in bin/corsac include/corsac/env.h share/corsac; do check "it installs $file" [ -e "$tmp/prefix/$file" ]; done
check 'the header is the same' cmp -s common/env/env.h "$tmp/prefix/include/corsac/env.h"

documents=launch/manual/environments.md
block c corsac_env >"$tmp/example.c"
check 'the manual has an environment' grep -q '#include <corsac/env.h>' "$tmp/example.c"
compile=$(block sh -shared | grep -- -shared)
check 'and says how to compile it' [ -n "$compile" ]
source=$(echo "$compile" | grep -oE '[a-z_]+\.c\b' | head -n 1) plugin=$(echo "$compile" | grep -oE '[a-z_]+\.so\b' | head -n 1)
check 'its first line says the same' grep -qF "// $source: $compile" "$tmp/example.c"
# As the manual says, beside build/; then against the installed header.
mkdir -p "$tmp/mine/build" && cp "$tmp/example.c" "$tmp/mine/${source:-none.c}" && ln -s "$root/${BUILD_DIR%/*}/include" "$tmp/mine/build/include"
expect_status 'it compiles as shown' 0 sh -c "cd '$tmp/mine' && $compile"
expect_status 'and with the installed header' 0 sh -c "cd '$tmp/mine' && rm '$plugin' && $(echo "$compile" | sed "s#build/include#$tmp/prefix/include#")"
expect_status 'without a warning' 0 "${CC:-gcc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$tmp/prefix/include" "$tmp/example.c"
echo '#include <corsac/env.h>' >"$tmp/include.cpp"
expect_status 'as C++ programs include it' 0 "${CXX:-g++}" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$tmp/prefix/include" "$tmp/include.cpp"
corsac=$tmp/prefix/bin/corsac
expect_status 'it is trained' 0 "$corsac" train $small --env "$tmp/mine/$plugin" --run-dir "$tmp/run"
expect_status 'on ranks' 0 $MPIRUN -n 3 "$corsac" train $small --env "$tmp/mine/$plugin" --sync --run-dir "$tmp/ranks"
expect_status 'it is evaluated' 0 "$corsac" eval "$tmp/run" --json
check 'under its name' json_is "$out" env "$plugin"
expect_status 'it is resumed' 0 "$corsac" train --resume "$tmp/run" --env-steps 400
mv "$tmp/mine/$plugin" "$tmp/moved.so"
expect_status 'and evaluated from another place' 0 "$corsac" eval "$tmp/run" --env "$tmp/moved.so"
expect_status 'make uninstall' 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$flavour" uninstall PREFIX="$tmp/prefix"
check 'leaves nothing' [ -z "$(find "$tmp/prefix" -type f)" ]
finish

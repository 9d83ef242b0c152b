#!/usr/bin/env bash
# make install, uninstall and dist: uninstall removes exactly what was installed, and the installed
# tree works wherever it lies. The manual pages and bash's completion are read by mandoc, man and
# bash.
. "$(dirname "$0")/lib.sh"

build() { expect_status "make $*" 0 env MAKEFLAGS= MAKELEVEL= make FLAVOUR="$(basename "$BUILD_DIR")" BUILD="${BUILD_DIR%/*}" "$@"; }
files() { (cd "$1" && find . -type f | sed 's,^\./,,' | sort); }

build install DESTDIR="$tmp/root" PREFIX=/opt/corsac
prefix=$tmp/root/opt/corsac
for file in bin/corsac include/corsac/env.h lib/libcorsac_sim.so share/corsac/presets/Pendulum-v1.yaml share/corsac/recipes/xqc.yaml share/corsac/python/corsac_gym.py \
  share/man/man1/corsac.1 share/man/man1/corsac-train.1 share/bash-completion/completions/corsac; do
  check "$file is there" [ -s "$prefix/$file" ]
done
check 'nothing lies beside the prefix' [ -z "$(files "$tmp/root" | grep -v '^opt/corsac/')" ]
check 'the list has every file' [ "$(files "$prefix")" = "$(grep -v '/$' "$prefix/share/corsac/installed")" ]
check 'programs can be run by everybody' [ "$(stat -c %a "$prefix/bin/corsac")" = 755 ]

# --- manual pages and completion ------------------------------------------------------------------
expect_status 'help --commands --topics' 0 "$CORSAC" help --commands --topics
names=$(cat "$out")
check 'a page for each command and topic' [ "$(echo $names | wc -w)" = "$(ls "$prefix"/share/man/man1/corsac-*.1 | wc -l)" ]
plain() { sed 's/.\x08//g'; } # without overstruck characters
if command -v mandoc >/dev/null; then
  for page in "$prefix"/share/man/man1/*.1; do
    check "mandoc has nothing to say of ${page##*/}" [ -z "$(mandoc -T lint -W warning "$page" | grep -v 'missing date')" ]
  done
  mandoc -T utf8 "$prefix/share/man/man1/corsac-train.1" | plain >"$tmp/train" 2>/dev/null
  for option in $("$CORSAC" options --yaml | sed -nE 's/^([a-z_]+):.*/\1/p' | tr _ -); do
    grep -qE -- "^ +--(\[no-\])?$option( |$)" "$tmp/train" || fail "corsac-train.1 has --$option"
  done
  check 'corsac-eval.1 reads well' grep -q 'corsac-eval - run evaluation episodes with a trained policy' \
    <(mandoc -T ascii "$prefix/share/man/man1/corsac-eval.1" | plain)
else
  skip 'the manual pages: there is no mandoc here (install-deps.sh tests)'
fi
if command -v man >/dev/null; then
  check 'man finds a topic' sh -c 'man -M "$1" corsac-start 2>/dev/null | grep -q DESCRIPTION' sh "$prefix/share/man"
  check 'man finds them' sh -c 'man -M "$1" corsac-explain 2>/dev/null | grep -q SYNOPSIS' sh "$prefix/share/man"
fi
# complete WORDS...: what bash offers after them
complete_words() {
  bash -c 'cd "$1"; shift; . "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _corsac; printf "%s\n" "${COMPREPLY[@]}"' bash \
    "$tmp/here" "$prefix/share/bash-completion/completions/corsac" "$@" | sort -u | tr '\n' ' '
}
# completes WANTED WORDS...
completes() { check "bash completes ${*:2}" [ "$(complete_words "${@:2}")" = "$1" ]; }
mkdir "$tmp/here" "$tmp/here/runs"
touch "$tmp/here/runs.txt"
completes 'eval ' corsac ev
completes '--batch-size ' corsac train --batch
completes 'auto openblas tiles ' corsac train --backend ''
completes 'Pendulum-v1 ' corsac train --env Pend
completes 'flashsac ' corsac train --recipe f
completes 'flashsac ' corsac recipes f
completes '--trace ' corsac eval runs --tr
completes 'runs runs.txt ' corsac eval ru
completes 'slurm ' corsac cluster sl
completes 'doctor ' corsac help doc
completes 'start ' corsac help star
completes '--verbose ' corsac --version --v
check 'bash knows the function' grep -qx 'complete -o filenames -F _corsac corsac' "$prefix/share/bash-completion/completions/corsac"
bad 'no such page' 2 "there is no command or topic 'trian'" "$CORSAC" help --man trian

# --- wherever it lies -----------------------------------------------------------------------------
mv "$prefix" "$tmp/moved"
moved=$tmp/moved/bin/corsac
expect_status '--version --verbose' 0 "$moved" --version --verbose
for line in 'MPI +Open MPI v' 'BLAS +OpenBLAS ' 'BLAS kernel +[A-Za-z]' 'own kernels ' 'HDF5 +1\.' 'compiler ' 'flags +-std=c11 -O' 'system '; do
  check "says $line" grep -qE "^  $line" "$out"
done
(cd "$tmp/here" && run "$moved" new-env solver --lang python && exit $status)
check 'new-env' [ $? = 0 ]
check 'finds its Python' grep -q "$tmp/moved/share/corsac/python" -r "$tmp/here/solver"
expect_status 'it trains' 0 "$moved" train $small --run-dir "$tmp/run"

# --- uninstall ------------------------------------------------------------------------------------
mkdir -p "$tmp/usr/bin" "$tmp/usr/share/empty" && echo theirs >"$tmp/usr/bin/other"
build install PREFIX="$tmp/usr"
echo mine >"$tmp/usr/share/corsac/presets/mine.yaml"
echo old >"$tmp/usr/share/corsac/gone" && echo share/corsac/gone >>"$tmp/usr/share/corsac/installed" # an earlier version's
build install PREFIX="$tmp/usr"
check 'what an earlier version had is removed' [ ! -e "$tmp/usr/share/corsac/gone" ]
build uninstall PREFIX="$tmp/usr"
check 'what others put there stays, nothing else' [ "$(files "$tmp/usr" | tr '\n' ' ')" = 'bin/other share/corsac/presets/mine.yaml ' ]
check 'an empty directory that was there stays' [ -d "$tmp/usr/share/empty" ]
check 'those that were made are gone' [ ! -e "$tmp/usr/include" ]
build uninstall PREFIX="$tmp/usr"
check 'twice does no harm' grep -q 'nothing is installed below' "$out"

# --- dist -----------------------------------------------------------------------------------------
build dist
archive=$(tail -n 1 "$out")
version=$("$CORSAC" --version | sed 's/corsac //')
check 'has the version in its name' [ "${archive##*/}" = "corsac-$version.tar.gz" ]
tar -tzf "$archive" >"$tmp/list"
check 'and on everything in it' [ -z "$(grep -v "^corsac-$version/" "$tmp/list")" ]
for file in Makefile README.md LICENSE launch/install-deps.sh launch/main.c tests/e2e/install.sh .ci/run; do
  check "$file is in it" grep -qx "corsac-$version/$file" "$tmp/list"
done
check 'nothing that was built' [ -z "$(grep -E '^[^/]*/(build|runs)/|\.o$' "$tmp/list")" ]
if [ "$CHECK_FULL" = 1 ]; then
  tar -xzf "$archive" -C "$tmp"
  expect_status 'it builds by itself' 0 env -C "$tmp/corsac-$version" MAKEFLAGS= MAKELEVEL= BUILD= FLAVOUR= make BUILD=build FLAVOUR=release all
  expect_status 'and trains' 0 "$tmp/corsac-$version/build/release/corsac" train $small --run-dir "$tmp/dist"
  expect_status 'and makes the same archive' 0 env -C "$tmp/corsac-$version" MAKEFLAGS= MAKELEVEL= make BUILD=build FLAVOUR=release dist
  check 'of the same files' [ "$(tar -tzf "$tmp/corsac-$version/build/corsac-$version.tar.gz" | sort)" = "$(sort "$tmp/list")" ]
fi
# --- another compiler or other flags: everything is built again, once -----------------------------
# A compiler that says when it is called. built NAME WANTED ARGUMENTS...: whether make of a library
# below $tmp/lib compiles
printf '#!/bin/sh\necho "$*" >>"%s"\nexec gcc "$@"\n' "$tmp/called" >"$tmp/other-cc"
chmod +x "$tmp/other-cc"
built() {
  : >"$tmp/called"
  expect_status "$1: make" 0 env MAKEFLAGS= MAKELEVEL= make BUILD="$tmp/lib" "$tmp/lib/lib/libcorsac_sim.so" "${@:3}"
  check "$1" [ "$(grep -c -- ' -c common/sim/' "$tmp/called")" "$2" 0 ]
}
built 'a first build with a compiler of the system' -eq
built 'another compiler builds the libraries again' -gt CC="$tmp/other-cc"
built '... once' -eq CC="$tmp/other-cc"
built 'other flags build them again' -gt CC="$tmp/other-cc" CFLAGS=-DOTHER
built '... once ' -eq CC="$tmp/other-cc" CFLAGS=-DOTHER

finish

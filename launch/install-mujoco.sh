#!/bin/sh
# What the MuJoCo tasks need, in $MUJOCO_DIR (${XDG_DATA_HOME:-~/.local/share}/corsac/mujoco): libmujoco.so and its headers out of the wheel
# mujoco-core, the tasks' models out of Gymnasium's, and libcorsac_mujoco.so, compiled here against those headers (it tells the program how
# MuJoCo's structs lie). Called by `install-deps.sh mujoco`. A site's own MuJoCo (3.0 or later): let $MUJOCO_DIR hold its libmujoco.so and
# include/mujoco/*.h; they stay, and the rest is put beside them.
set -eu
mujoco=4.0.1 gymnasium=1.4.0 # tests/e2e/mujoco.sh reads them here: it compares with Gymnasium on the same pair
hashes="mujoco-core==$mujoco
  --hash=sha256:be28c0c7587347ef996b4de0487264e9da296282082b092bae211a9163e9aed6
  --hash=sha256:52d934614a56f7d75dcfc2bd8bb72f058b465ecc19a0583a56df242f9505bdb6
gymnasium==$gymnasium --hash=sha256:1cb947c59e7c72d8eabb2c2274c00cd20948e69f8452a9ef4092223be24fdf0e"
directory=${MUJOCO_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/corsac/mujoco}
root=$(cd "$(dirname "$0")/.." && pwd)

stamp="mujoco $mujoco gymnasium $gymnasium view $(cat "$root/actor/envs/mujoco_view.h" "$root/actor/envs/mujoco/view.c" | cksum)"
[ "$(cat "$directory/installed" 2>/dev/null)" = "$stamp" ] && exit 0
python=${PYTHON:-python3}
$python -m pip --version >/dev/null 2>&1 || { echo "corsac: MuJoCo is fetched with pip, and '$python -m pip' does not work here" >&2 && exit 1; }
mkdir -p "$directory"
exec 9<"$directory"
if flock -w 600 9 2>/dev/null; then # one at a time; what a killed one left goes
  rm -rf "$directory"/new.*
  [ "$(cat "$directory/installed" 2>/dev/null)" = "$stamp" ] && exit 0
fi
tmp=$(mktemp -d "$directory/new.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

echo "corsac: fetching MuJoCo $mujoco and Gymnasium $gymnasium into $directory"
printf '%s\n' "$hashes" | tr '\n' ' ' | sed 's/ gymnasium==/\ngymnasium==/' >"$tmp/requirements.txt"
# Only libmujoco is taken, so any Python's wheel does: that of CPython 3.11 is pinned.
$python -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi none \
  --platform "manylinux_2_28_$(uname -m)" --require-hashes -r "$tmp/requirements.txt" -d "$tmp"
for wheel in "$tmp"/*.whl; do $python -m zipfile -e "$wheel" "$tmp/wheels"; done
ours=
if [ ! -e "$directory/libmujoco.so" ] || [ -e "$directory/installed" ]; then ours=1; fi
headers=$directory/include
[ -z "$ours" ] || headers=$tmp/wheels/mujoco/include
${CC:-cc} -std=c11 -O2 -shared -fPIC -I"$root" -I"$headers" "$root/actor/envs/mujoco/view.c" -o "$tmp/libcorsac_mujoco.so"
echo "$stamp" >"$tmp/installed"
echo 'not all of it' >"$tmp/begun"

# All of it is there: now it takes the place of what was, by renaming, which needs no room.
if [ "$ours" ]; then mv -f "$tmp/begun" "$directory/installed"; fi
mv -f "$tmp"/wheels/gymnasium/envs/mujoco/assets/*.xml "$directory/"
if [ "$ours" ]; then
  mkdir -p "$directory/include"
  [ ! -e "$directory/include/mujoco" ] || mv "$directory/include/mujoco" "$tmp/headers"
  mv "$tmp/wheels/mujoco/include/mujoco" "$directory/include/mujoco"
  mv -f "$tmp/wheels/mujoco/libmujoco.so.$mujoco" "$directory/libmujoco.so" # a running program keeps the old one
else
  echo "corsac: the libmujoco.so in $directory stays as it is"
fi
mv -f "$tmp/libcorsac_mujoco.so" "$directory/"
[ -z "$ours" ] || mv -f "$tmp/installed" "$directory/" # a site's own is looked at again the next time

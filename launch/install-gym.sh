#!/bin/sh
# A virtual environment with Gymnasium and NumPy, pinned, in $GYM_DIR (${XDG_DATA_HOME:-~/.local/share}/corsac/python), where the program
# looks for it. Called by `install-deps.sh gym`.
#   install-gym.sh [mujoco] [pygame] [pettingzoo]     also what Gymnasium's own MuJoCo tasks need, what its classic tasks are drawn with,
#                                                     and PettingZoo with its continuous tasks
set -eu
gymnasium=1.4.0 numpy='numpy==2.4.6; python_version>="3.11"
numpy==2.2.6; python_version<"3.11"' mujoco=4.0.1 pygame=2.6.1 pettingzoo=1.25.0 box2d=2.3.10 pymunk=6.11.1
directory=${GYM_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/corsac/python}
requirements="gymnasium==$gymnasium
$numpy"
case " $* " in *' mujoco '*) with_mujoco=1 ;; *) with_mujoco= ;; esac
case " $* " in *' pettingzoo '*) with_pettingzoo=1 ;; *) with_pettingzoo= ;; esac
case " $* " in *' pygame '*) with_pygame=1 ;; *) with_pygame= ;; esac
if [ "$with_mujoco" ] || grep -q '^mujoco-core' "$directory/installed" 2>/dev/null; then # what is there stays
  requirements="$requirements
mujoco-core[rendering]==$mujoco
imageio
packaging"
fi
if [ "$with_pygame" ] || grep -q '^pygame' "$directory/installed" 2>/dev/null; then
  requirements="$requirements
pygame==$pygame"
fi
if [ "$with_pettingzoo" ] || grep -q '^pettingzoo' "$directory/installed" 2>/dev/null; then
  case $requirements in *pygame==*) ;; *) requirements="$requirements
pygame==$pygame" ;; esac
  requirements="$requirements
pettingzoo==$pettingzoo
box2d==$box2d
pymunk==$pymunk
scipy"
fi

is_there() {
  [ "$(cat "$directory/installed" 2>/dev/null)" = "$requirements" ] &&
    "$directory/bin/python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("gymnasium"))' 2>/dev/null
}
if is_there; then exit 0; fi
python=${PYTHON:-python3}
$python -c 'import ensurepip, venv' 2>/dev/null || { echo "corsac: a virtual environment is made with '$python -m venv', and that does not work here" >&2 && exit 1; }

# It is made beside the one that is there, which works on until it takes its place, and stays if that cannot be made.
mkdir -p "$(dirname "$directory")"
[ ! -d "$directory" ] || directory=$(cd "$directory" && pwd -P) # not in a link's place
exec 9<"$(dirname "$directory")"
if flock -w 600 9 2>/dev/null; then # one at a time; what a killed one left goes
  for old in "$directory".old.*; do if [ -d "$old" ] && [ ! -e "$directory" ]; then mv "$old" "$directory"; fi; done
  rm -rf "$directory".new.* "$directory".old.*
  if is_there; then exit 0; fi
fi
new=$(mktemp -d "$directory.new.XXXXXX")
old=$directory.old.${new##*.}
trap 'if [ -d "$old" ] && [ ! -e "$directory" ]; then mv "$old" "$directory"; fi; rm -rf "$new" "$old"' EXIT
trap 'exit 1' HUP INT TERM
echo "corsac: installing Gymnasium $gymnasium into $directory"
chmod 755 "$new"
$python -m venv --clear "$new"
printf '%s\n' "$requirements" >"$new/requirements.txt"
"$new/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: -r "$new/requirements.txt"
"$new/bin/python" -c 'import gymnasium, numpy'
for file in "$new"/bin/*; do # scripts name their interpreter
  grep -qIF "$new" "$file" || continue
  sed "s|$new|$directory|g" "$file" >"$new/script"
  cat "$new/script" >"$file"
done
rm -f "$new/script"
mv "$new/requirements.txt" "$new/installed"
if [ -e "$directory" ]; then mv "$directory" "$old"; fi
mv -T "$new" "$directory"

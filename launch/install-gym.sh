#!/bin/sh
# A virtual environment with Gymnasium and NumPy, pinned, in $GYM_DIR (${XDG_DATA_HOME:-~/.local/share}/corsac/python), where the program
# looks for it. Called by `install-deps.sh gym`.
#   install-gym.sh [mujoco] [pygame]     also what Gymnasium's own MuJoCo tasks need, and what its classic tasks are drawn with
set -eu
gymnasium=1.4.0 numpy='numpy==2.4.6; python_version>="3.11"
numpy==2.2.6; python_version<"3.11"' mujoco=4.0.1 pygame=2.6.1
directory=${GYM_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/corsac/python}
requirements="gymnasium==$gymnasium
$numpy"
case " $* " in *' mujoco '*) with_mujoco=1 ;; *) with_mujoco= ;; esac
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

[ "$(cat "$directory/installed" 2>/dev/null)" = "$requirements" ] &&
  "$directory/bin/python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("gymnasium"))' 2>/dev/null && exit 0
python=${PYTHON:-python3}
$python -c 'import ensurepip, venv' 2>/dev/null || { echo "corsac: a virtual environment is made with '$python -m venv', and that does not work here" >&2 && exit 1; }
echo "corsac: installing Gymnasium $gymnasium into $directory"
mkdir -p "$directory"
rm -f "$directory/installed"
$python -m venv --clear "$directory"
printf '%s\n' "$requirements" >"$directory/requirements.txt"
"$directory/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: -r "$directory/requirements.txt"
mv "$directory/requirements.txt" "$directory/installed"

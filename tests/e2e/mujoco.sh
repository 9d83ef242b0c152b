#!/usr/bin/env bash
# The MuJoCo tasks: 1,000 steps of each as Gymnasium makes them on the same libmujoco, live; a sync
# run that is resumed ends bit for bit where one in a single go does. What they need is fetched into
# build/ unless it is installed; skipped where that cannot be had.
. "$(dirname "$0")/lib.sh"

unset MUJOCO_DIR
run "$CORSAC" envs
if grep -q '^HalfCheetah-v5 .*not available' "$out"; then
  export MUJOCO_DIR=$root/${BUILD_DIR%/*}/mujoco
  if ! timeout 120 env PYTHON=python3 launch/install-mujoco.sh >"$tmp/install" 2>&1; then
    skip "the MuJoCo tasks, because libmujoco cannot be fetched here: $(tail -n 1 "$tmp/install")"
    pass
    finish
  fi
fi
[ -z "${MUJOCO_DIR:-}" ] || there="--mujoco-dir $MUJOCO_DIR"
there=${there:-}
expect_status 'envs' 0 "$CORSAC" envs $there --json
check 'eleven tasks are available' [ "$(grep -c '"name": ".*-v5"' "$out") $(grep "v5" "$out" | grep -c '"available": false')" = '11 0' ]
expect_status 'the unit tests, with libmujoco' 0 "$root/$BUILD_DIR/unit/actor/envs/test_mujoco"

# --- live against Gymnasium -----------------------------------------------------------------------
venv=$root/${BUILD_DIR%/*}/mujoco-venv
eval "$(sed -n 's/^\(mujoco=[^ ]* gymnasium=[^ ]*\).*/\1/p' launch/install-mujoco.sh)"
packages="mujoco-core==$mujoco gymnasium==$gymnasium"
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$packages" ]; then
  { rm -rf "$venv" && python3 -m venv "$venv" && timeout 200 "$venv/bin/pip" install -q --disable-pip-version-check --only-binary=:all: --no-deps $packages &&
    timeout 200 "$venv/bin/pip" install -q --disable-pip-version-check numpy cloudpickle typing-extensions farama-notifications glfw imageio packaging pyopengl &&
    echo "$packages" >"$venv/installed"; } >"$tmp/venv" 2>&1
fi
if [ -e "$venv/installed" ]; then
  cd "$tmp" || exit 1 # MuJoCo's Python leaves MUJOCO_LOG.TXT where it runs
  expect_status 'Gymnasium makes 1,000 steps of each task' 0 "$venv/bin/python" "$root/tests/data/mujoco_trajectories.py" 1000 "$tmp/trajectories"
  cd "$root" || exit 1
  export MUJOCO_TRAJECTORIES=$tmp/trajectories
  expect_status 'and ours are the same' 0 "$root/$BUILD_DIR/unit/actor/envs/test_mujoco"
  check 'all of them' [ "$(grep -cE '^ *(Test: .*)?[A-Za-z0-9 '"'"'.]*-v5 +1000 steps' "$out")" = 11 ]
  unset MUJOCO_TRAJECTORIES
else
  skip "the comparison with Gymnasium, because its virtual environment cannot be made here: $(tail -n 1 "$tmp/venv")"
fi

# --- training -------------------------------------------------------------------------------------
tiny="$there --env HalfCheetah-v5 --seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --sync --sync-steps 5 --envs 3
  --checkpoint-every 150 --eval-every 150 --eval-episodes 2 --log-every 50"
expect_status 'half a sync run of HalfCheetah on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" train $tiny --env-steps 150 --run-dir "$tmp/halves"
expect_status 'the other half on 2 ranks' 0 $MPIRUN -n 2 "$CORSAC" train --resume "$tmp/halves" --env-steps 300
train 'the whole in one process' $tiny --env-steps 300 --run-dir "$tmp/whole"
if [ -n "$PYTHON" ]; then
  check 'the checkpoints are the same' $PYTHON "$h5" same "$tmp/halves/ckpt-300.h5" "$tmp/whole/ckpt-300.h5"
else
  skip 'the checkpoints are the same: no python3-h5py here'
fi
expect_status 'the checkpoint' 0 "$CORSAC" inspect "$tmp/halves" --json
check 'is exact' json_is "$out" exact true
for task in Hopper-v5 InvertedDoublePendulum-v5 Ant-v5; do # they terminate, read contacts
  train "$task" $there --env $task --hidden 8,8 --batch-size 16 --learning-starts 100 --env-steps 300 --eval-every 0 --run-dir "$tmp/$task"
done
expect_status 'bench env' 0 "$CORSAC" bench env $there --env HalfCheetah-v5 --rounds 3 --seconds 0.01 --json
check 'names the limit' grep -q 'mj_step alone' "$out"
finish

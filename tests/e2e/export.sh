#!/usr/bin/env bash
# corsac export, each format opened by its own reader: a C compiler (also -ffreestanding), NumPy,
# and (CHECK_FULL=1) ONNX' checker and onnxruntime over 1,000 observations. train --init-policy;
# (CHECK_FULL=1) from Stable-Baselines3's SAC.
. "$(dirname "$0")/lib.sh"
library=$root/${BUILD_DIR%/*}/lib/libcorsac_policy.so converter=$root/${BUILD_DIR%/*}/share/corsac/python/corsac_from_sb3.py
quick='--batch-size 16 --learning-starts 100 --env-steps 400 --eval-every 0'
train 'a run with normalised observations' $quick --hidden 24,16 --env Pendulum-v1 --normalize-observations --run-dir "$tmp/n"
train 'one without, of another environment' $quick --hidden 8 --env MountainCarContinuous-v0 --run-dir "$tmp/r"
train 'one with batch norm' $quick --hidden 20,12 --env Pendulum-v1 --policy-norm batch --critic-norm batch --run-dir "$tmp/b"
train 'one of residual blocks with batch norm and RMS norm' $quick --network residual --hidden 12,12 --expansion 3 --policy-norm batch \
  --critic-norm batch --output-norm rms --log-std-form tanh --normalize-observations --env Pendulum-v1 --run-dir "$tmp/z"
train 'one of residual blocks without norm' $quick --network residual --hidden 12 --env MountainCarContinuous-v0 --run-dir "$tmp/w"
runs='n r b z w'

# Policies with a history: with the actions between the observations, and without.
histories=
if [ -n "$PYTHON" ]; then
  for case in 'h n 4 1' 'g r 3 0' 'k z 2 1'; do
    set -- $case
    "$CORSAC" export "$tmp/$2" --format npz -o "$tmp/$2.npz" 2>/dev/null
    expect_status "$2 with a history of $3" 0 "$PYTHON" "$root/tests/e2e/lib_npz.py" history "$tmp/$2.npz" $3 $4 "$tmp/$1.made.npz"
    expect_status 'is exported' 0 "$CORSAC" export "$tmp/$1.made.npz" --format npz -o "$tmp/$1.npz"
    check 'which says the history' grep -q "obs_dim ., act_dim 1, history $3 with" "$err"
    histories="$histories $1"
  done
else
  skip 'policies with a history, because there is no python3-h5py, which brings NumPy'
fi

# --- C --------------------------------------------------------------------------------------------
strict='-std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes -Werror -O2'
for run in $runs $histories; do
  from=$tmp/$run of=$tmp/$run/ckpt-400.h5 shows='policy_act policy_act_many'
  case $histories in *$run*) from=$tmp/$run.npz of=$tmp/$run.npz shows='policy_applied policy_reset policy_step' ;; esac
  needs="$shows tanhf "
  case $run in z | k) needs="$shows sqrtf tanhf " ;; esac
  expect_status "$run as C" 0 "$CORSAC" export "$from" --format c -o "$tmp/$run.c"
  check 'it says what it wrote' grep -q "^$tmp/$run.c: the policy of $of" "$err"
  for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    expect_status "$compiler takes it" 0 $compiler $strict -c "$tmp/$run.c" -o "$tmp/$run.o"
    expect_status "$compiler takes it for a controller" 0 $compiler $strict -ffreestanding -c "$tmp/$run.c" -o "$tmp/$run.o"
    check 'it shows and needs no other function' [ "$(nm -g "$tmp/$run.o" | awk '{ print $NF }' | grep -v GLOBAL_OFFSET | sort | tr '\n' ' ')" = "$needs" ]
    check 'it has no state' [ -z "$(nm "$tmp/$run.o" | grep -i ' [bd] ')" ]
    expect_status 'with its test' 0 $compiler $strict -ffreestanding -DPOLICY_TEST "$tmp/$run.c" -lm -o "$tmp/test"
    expect_status 'which passes' 0 "$tmp/test"
    check 'and says how well' grep -q 'policy: 8 observations, largest difference .*: good' "$out"
  done
done
if command -v g++ >/dev/null; then expect_status 'a C++ compiler takes it too' 0 g++ -Wall -Wextra -Werror -x c++ -c "$tmp/n.c" -o "$tmp/n.o"; fi
# The exported test notices a changed weight.
awk '/mean_bias/ { print; getline; sub(/[0-9]\.[0-9]+e/, "9.9e") } { print }' "$tmp/n.c" >"$tmp/wrong.c"
check 'a spoilt file' ${CC:-gcc} -std=c99 -DPOLICY_TEST "$tmp/wrong.c" -lm -o "$tmp/test"
expect_status 'fails its test' 1 "$tmp/test"
expect_status 'another name, to standard output' 0 "$CORSAC" export "$tmp/r" --format c --name car -o -
check 'is that of its function' grep -q '^void car_act(const float \*observation, float \*action);' "$out"
check 'and of the one for many agents' grep -q '^void car_act_many(int rows, const float \*observation, float \*action);' "$out"
(cd "$tmp" && "$CORSAC" export n --format c 2>/dev/null && "$CORSAC" export n --format npz 2>/dev/null && "$CORSAC" export n --format onnx 2>/dev/null)
check 'the default names' ls "$tmp/policy.c" "$tmp/policy.npz" "$tmp/policy.onnx" >/dev/null

# --- npz: what NumPy computes of it is what eval does ---------------------------------------------
for run in $histories; do
  expect_status "$run as npz once more" 0 "$CORSAC" export "$tmp/$run.npz" --format npz -o "$tmp/again.npz"
  check 'bit for bit' cmp -s "$tmp/$run.npz" "$tmp/again.npz"
  expect_status "$run as ONNX" 0 "$CORSAC" export "$tmp/$run.npz" --format onnx -o "$tmp/$run.onnx"
  [ $run = k ] || expect_status "NumPy acts with $run as the library steps" 0 "$PYTHON" "$root/tests/e2e/lib_npz.py" same "$tmp/$run.npz" "$library"
done
cat >"$tmp/act_numpy.py" <<'END'
import json, sys, zipfile
import numpy as np
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
p = np.load(sys.argv[1], allow_pickle=False)
told = json.load(open(sys.argv[2]))
x = np.array(told["first_observation"], np.float32)
if "obs_shift" in p:
    x = np.clip((x - p["obs_shift"]) * p["obs_scale"], -p["obs_clip"], p["obs_clip"])
def linear(layer, x):
    return p["layer%d.weight" % layer] @ x + (p["layer%d.bias" % layer] if "layer%d.bias" % layer in p else 0)
residual, block = "network" in p, x
assert int(p["corsac_policy"]) == (2 if residual else 1)
layer = 0
while "layer%d.weight" % layer in p:
    if residual and layer % 2 == 1:
        block = x
    x = linear(layer, x) if residual and layer == 0 else np.maximum(0, linear(layer, x))
    if residual and layer > 0 and layer % 2 == 0:
        x = x + block
    layer += 1
if "rms.gain" in p:
    x = p["rms.gain"] * x / np.sqrt(np.mean(x * x) + 1e-8)
a = np.tanh(p["mean.weight"] @ x + p["mean.bias"])
a = p["action_low"] + (a + 1) / 2 * (p["action_high"] - p["action_low"])
assert np.abs(a - told["first_action"]).max() < 1e-5, (a, told["first_action"])
assert str(p["env"]) == told["env"] and p["env_steps"] == told["env_steps"]
END
for run in $runs; do
  for format in npz onnx; do expect_status "$run as $format" 0 "$CORSAC" export "$tmp/$run" --format $format -o "$tmp/$run.$format"; done
  expect_status 'an .npz becomes the same .npz' 0 "$CORSAC" export "$tmp/$run.npz" --format npz -o "$tmp/again.npz"
  check 'bit for bit' cmp -s "$tmp/$run.npz" "$tmp/again.npz"
  expect_status 'and the same ONNX' 0 "$CORSAC" export "$tmp/$run.npz" --format onnx -o "$tmp/again.onnx"
  check 'bit for bit' cmp -s "$tmp/$run.onnx" "$tmp/again.onnx"
  [ -n "$PYTHON" ] || continue
  expect_status 'eval' 0 "$CORSAC" eval "$tmp/$run" --episodes 1 --json
  cp "$out" "$tmp/eval.json"
  expect_status "NumPy acts with $run" 0 "$PYTHON" "$tmp/act_numpy.py" "$tmp/$run.npz" "$tmp/eval.json"
done
[ -n "$PYTHON" ] || skip 'the .npz in NumPy, because there is no python3-h5py, which brings it'

# --- --init-policy --------------------------------------------------------------------------------
train 'a run that begins with the policy' $quick --env Pendulum-v1 --init-policy "$tmp/n" --run-dir "$tmp/i" --env-steps 50 --learning-starts 100
check 'it says so' grep -q "the policy begins as that of $tmp/n/ckpt-400.h5 (Pendulum-v1, 400 steps)" "$err"
check 'hidden comes from there' grep -qx 'hidden: 24,16' "$tmp/i/config.yaml"
check 'normalisation, too' grep -qx 'normalize_observations: true' "$tmp/i/config.yaml"
check 'the file is of this start, not of the run' grep -qE "^init_policy: *(''|\"\")?$" "$tmp/i/config.yaml"
# Before the first update the policy is the one that was given.
expect_status 'its policy' 0 "$CORSAC" export "$tmp/i" --format npz -o "$tmp/i.npz"
weights() { "$PYTHON" -c 'import numpy as n, sys; p = n.load(sys.argv[1]); [sys.stdout.buffer.write(p[k].tobytes()) for k in sorted(p) if "layer" in k or "mean." in k]' "$1" | cksum; }
if [ -n "$PYTHON" ]; then check 'is the one it began with' [ "$(weights "$tmp/i.npz")" = "$(weights "$tmp/n.npz")" ]; fi
train 'a run that begins with residual blocks' $quick --env MountainCarContinuous-v0 --init-policy "$tmp/w.npz" --run-dir "$tmp/v" --env-steps 50 --learning-starts 100
check 'the network comes from there' grep -qx 'network: residual' "$tmp/v/config.yaml"
expect_status 'its policy' 0 "$CORSAC" export "$tmp/v" --format npz -o "$tmp/v.npz"
if [ -n "$PYTHON" ]; then check 'is the one it began with' [ "$(weights "$tmp/v.npz")" = "$(weights "$tmp/w.npz")" ]; fi
train 'from an .npz, over a preset' $quick --env Pendulum-v1 --init-policy "$tmp/n.npz" --run-dir "$tmp/j"
check 'its hidden goes before that of the preset' grep -qx 'hidden: 24,16' "$tmp/j/config.yaml"
train 'in sync mode' $quick --sync --env Pendulum-v1 --init-policy "$tmp/n.npz" --run-dir "$tmp/s1"
expect_status 'on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" train $quick --sync --envs 1 --env Pendulum-v1 --init-policy "$tmp/n.npz" --run-dir "$tmp/s3"
check 'the same' cmp -s <(column "$tmp/s1/metrics.csv" critic_loss) <(column "$tmp/s3/metrics.csv" critic_loss)
expect_status 'such a run is resumed' 0 "$CORSAC" train --resume "$tmp/j" --env-steps 500
from() { bad "$@" --run-dir "$tmp/never"; }
init="$CORSAC train --env Pendulum-v1 --init-policy"
if [ -n "$histories" ]; then
  from 'another history' 2 'init_policy: .*has history 4 with actions, this run is to have history 1: leave --history and --history-actions out' $init "$tmp/h.npz" --history 1
fi
from 'other widths' 2 'init_policy: .*has hidden layers 24,16, this run is to have 32: leave --hidden out, or give --hidden 24,16' $init "$tmp/n" --hidden 32
from 'no normalisation' 2 'init_policy: .*acts on normalised observations' $init "$tmp/n" --no-normalize-observations
from 'another environment' 1 'init_policy: .*for obs_dim 2 and act_dim 1 \(MountainCarContinuous-v0\), but Pendulum-v1 has 3 and 1' $init "$tmp/r"
from 'batch norm in the policy' 2 'init_policy: .*give --policy-norm none' $init "$tmp/r.npz" --policy-norm batch --env MountainCarContinuous-v0
from 'a network of another kind' 2 'init_policy: .*is a dense network' $init "$tmp/r" --network residual --env MountainCarContinuous-v0
from 'no file' 1 'init_policy: .*nowhere: cannot be opened' $init "$tmp/nowhere"
from 'another file' 1 'init_policy: .*no HDF5 file' $init "$tmp/n.c"
check 'nothing is left of them' [ ! -e "$tmp/never" ]
bad 'a resumed run' 2 'init_policy: a resumed run has its own policy' "$CORSAC" train --resume "$tmp/i" --init-policy "$tmp/n"

# --- what cannot be exported ----------------------------------------------------------------------
bad 'no run' 2 'export: say which policy' "$CORSAC" export --format c
bad 'no format' 2 'export: --format is c, onnx or npz; say which' "$CORSAC" export "$tmp/n"
bad 'another format' 2 'export: --format is c, onnx or npz, not pickle' "$CORSAC" export "$tmp/n" --format pickle
bad 'a name that is none' 2 'is no identifier of C' "$CORSAC" export "$tmp/n" --format c --name 2nd
bad 'a run that is not there' 1 'nowhere: cannot be opened' "$CORSAC" export "$tmp/nowhere" --format c
mkdir "$tmp/empty"
bad 'a run without a checkpoint' 1 'holds no checkpoint yet' "$CORSAC" export "$tmp/empty" --format c
bad 'a place that cannot be written' 1 'nowhere/x.c' "$CORSAC" export "$tmp/n" --format c -o "$tmp/nowhere/x.c"
bad 'a device to write to' 1 '/dev/null: is a device' "$CORSAC" export "$tmp/n" --format c -o /dev/null
if [ -n "$PYTHON" ]; then # a file without one of its arrays is refused
  "$CORSAC" export "$tmp/n" --format npz -o "$tmp/whole.npz" 2>/dev/null
  for array in layer1.weight obs_mean; do
    $PYTHON -c 'import numpy, sys; a = dict(numpy.load(sys.argv[1])); del a[sys.argv[2]]; numpy.savez(sys.argv[3], **a)' "$tmp/whole.npz" $array "$tmp/lost.npz"
    bad "an .npz without $array" 1 "$array" "$CORSAC" export "$tmp/lost.npz" --format c -o "$tmp/never.c"
  done
fi
mkdir "$tmp/half" && head -c 4000 "$tmp/n/ckpt-400.h5" >"$tmp/half/ckpt-400.h5"
bad 'a run half written' 1 'none of its 1 checkpoint can be read; of the newest: .*(truncated|damaged)' "$CORSAC" export "$tmp/half" --format onnx
sed 's/corsac_policy.npy/corsac_nolicy.npy/g' "$tmp/n.npz" >"$tmp/other.npz"
bad "another's .npz" 1 'is an .npz, but no policy of corsac' "$CORSAC" export "$tmp/other.npz" --format c

# --- with downloads: a virtual environment each, kept below build/ --------------------------------
if [ "$CHECK_FULL" = 0 ]; then
  skip "ONNX' checker and onnxruntime, Stable-Baselines3, because they are downloads: CHECK_FULL=1"
  finish
fi
# environment NAME PACKAGE...: $python is an interpreter that has them
environment() {
  local place=$root/${BUILD_DIR%/*}/venv-$1
  python=$place/bin/python
  shift
  "$python" -c "import $(echo "$*" | tr '-' '_' | sed 's/ /, /g')" 2>/dev/null && return
  python3 -m venv "$place" && "$place/bin/pip" -q install "$@" >"$tmp/pip" 2>&1
}
cat >"$tmp/library.py" <<'END'
import ctypes, numpy as np
class Policy:
    """libcorsac_policy from Python, as a test needs it."""
    def __init__(self, library, path):
        self.library, why = ctypes.CDLL(library), ctypes.create_string_buffer(1024)
        self.library.corsac_policy_load.restype = ctypes.c_void_p
        self.library.corsac_policy_scratch_size.restype = ctypes.c_size_t
        self.policy = ctypes.c_void_p(self.library.corsac_policy_load(path.encode(), why, 1024))
        assert self.policy, why.value
        self.scratch = ctypes.create_string_buffer(self.library.corsac_policy_scratch_size(self.policy))
        self.obs_dim, self.act_dim = (getattr(self.library, "corsac_policy_%s_dim" % x)(self.policy) for x in ("obs", "act"))
    def act(self, rows):
        actions = np.zeros((len(rows), self.act_dim), np.float32)
        for obs, action in zip(np.ascontiguousarray(rows, np.float32), actions):
            assert self.library.corsac_policy_act(self.policy, obs.ctypes.data_as(ctypes.c_void_p), action.ctypes.data_as(ctypes.c_void_p), self.scratch) == 0
        return actions
END
cat >"$tmp/act_onnx.py" <<'END'
import sys, numpy as np, onnx, onnxruntime
from library import Policy
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
policy = Policy(sys.argv[2], sys.argv[3])
rows = np.random.default_rng(0).normal(0, 3, (1000, policy.obs_dim)).astype(np.float32)
actions = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"]).run(["action"], {"observation": rows})[0]
difference = np.abs(actions - policy.act(rows)).max()
print("largest difference", difference)
assert actions.shape == (1000, policy.act_dim) and difference < 1e-5 and np.ptp(actions) > 0
END
cat >"$tmp/train_sb3.py" <<'END'
import sys, gymnasium, numpy as np, torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
rows = np.random.default_rng(0).normal(0, 2, (1000, 3)).astype(np.float32)
model = SAC("MlpPolicy", "Pendulum-v1", policy_kwargs=dict(net_arch=[48, 40]), seed=1, learning_starts=50)
model.learn(200)
model.save(sys.argv[1] + "/sac.zip")
np.savez(sys.argv[1] + "/sac.expected.npz", rows=rows, action=model.predict(rows, deterministic=True)[0])
env = VecNormalize(DummyVecEnv([lambda: gymnasium.make("Pendulum-v1")]))
model = SAC("MlpPolicy", env, policy_kwargs=dict(net_arch=dict(pi=[16], qf=[24, 24])), seed=1, learning_starts=50)
model.learn(200)
model.save(sys.argv[1] + "/normalised.zip")
env.save(sys.argv[1] + "/normalised.pkl")
np.savez(sys.argv[1] + "/normalised.expected.npz", rows=rows, action=model.predict(env.normalize_obs(rows), deterministic=True)[0])
SAC("MlpPolicy", "Pendulum-v1", use_sde=True).save(sys.argv[1] + "/sde.zip")
SAC("MlpPolicy", "Pendulum-v1", policy_kwargs=dict(activation_fn=torch.nn.Tanh)).save(sys.argv[1] + "/tanh.zip")
SAC("MlpPolicy", "Pendulum-v1", policy_kwargs=dict(activation_fn=torch.nn.ReLU6)).save(sys.argv[1] + "/relu6.zip")
PPO("MlpPolicy", "Pendulum-v1").save(sys.argv[1] + "/ppo.zip")
END
cat >"$tmp/same_sb3.py" <<'END'
import sys, numpy as np
from library import Policy
expected = np.load(sys.argv[2] + ".expected.npz")
difference = np.abs(Policy(sys.argv[1], sys.argv[2] + ".npz").act(expected["rows"]) - expected["action"]).max()
print("largest difference", difference)
assert difference < 1e-5 and np.ptp(expected["action"]) > 0
END
export PYTHONPATH=$tmp
if environment onnx onnx onnxruntime numpy; then
  for run in $runs; do
    expect_status "$run in onnxruntime" 0 "$python" "$tmp/act_onnx.py" "$tmp/$run.onnx" "$library" "$tmp/$run"
  done
else
  skip 'onnxruntime, because pip cannot install it here'
fi
if environment sb3 torch stable-baselines3 numpy; then
  expect_status 'Stable-Baselines3 trains' 0 "$python" "$tmp/train_sb3.py" "$tmp"
  expect_status 'its SAC is converted' 0 "$python" "$converter" "$tmp/sac.zip" "$tmp/sac.npz" --env Pendulum-v1
  expect_status 'and one with VecNormalize' 0 "$python" "$converter" "$tmp/normalised.zip" "$tmp/normalised.npz" --vecnormalize "$tmp/normalised.pkl"
  for model in sac normalised; do
    expect_status "$model acts the same" 0 "$python" "$tmp/same_sb3.py" "$library" "$tmp/$model"
  done
  train 'a run begins with it' $quick --env Pendulum-v1 --init-policy "$tmp/sac.npz" --run-dir "$tmp/b"
  check 'with its widths' grep -qx 'hidden: 48,40' "$tmp/b/config.yaml"
  for case in 'sde gSDE' 'tanh activation' 'relu6 activation' 'ppo no squashed Gaussian'; do
    expect_status "${case%% *} is refused" 1 "$python" "$converter" "$tmp/${case%% *}.zip" "$tmp/x.npz"
    check 'and why' grep -q "^corsac_from_sb3.py: .*${case#* }" "$err"
  done
  expect_status 'what is no zip' 1 "$python" "$converter" "$tmp/n.c" "$tmp/x.npz"
else
  skip 'Stable-Baselines3, because pip cannot install it here'
fi
finish

#!/usr/bin/env bash
# corsac explain: the sample of a trained policy, recomputed here from the checkpoint.
. "$(dirname "$0")/lib.sh"

train 'a run' $small --run-dir "$tmp/run"
run "$CORSAC" explain "$tmp/run" --samples 20000
check 'explains' [ $status = 0 ]
check 'fits 100 columns' sh -c '! grep -qE ".{101}" "$1"' sh "$out"
check 'no blanks at the ends of lines' sh -c '! grep -qE " $" "$1"' sh "$out"
check 'has no control characters' sh -c '! LC_ALL=C grep -q "[^[:print:]]" "$1"' sh "$out"
for part in 'THE OBSERVATION of a reset with seed 3' 'THE PATH' 'ITS PROBABILITY' 'WHERE THE TWO FORMS' 'GRADIENTS' 'THE VARIANCE .* 20000 samples'; do
  check "has $part" grep -qE "^$part" "$out"
done
expect_status '--json' 0 "$CORSAC" explain "$tmp/run" --json --samples 20000
cp "$out" "$tmp/one.json"
expect_status 'again' 0 "$CORSAC" explain "$tmp/run/ckpt-300.h5" --json --samples 20000
check 'gives the same' cmp -s "$out" "$tmp/one.json"
expect_status 'another seed' 0 "$CORSAC" explain "$tmp/run" --json --seed 9
expect_status 'the largest seed' 0 "$CORSAC" explain "$tmp/run" --json --seed 18446744073709551615 --samples 2
check 'is told exactly' json_is "$out" seed 18446744073709551615
expect_status 'another seed' 0 "$CORSAC" explain "$tmp/run" --json --seed 9
check 'gives another observation' sh -c '! cmp -s "$1" "$2"' sh "$out" "$tmp/one.json"
expect_status 'eval' 0 "$CORSAC" eval "$tmp/run" --episodes 1 --json
cp "$out" "$tmp/eval.json"
expect_status 'best.h5' 0 "$CORSAC" explain "$tmp/run/best.h5"
check 'says that it has no critics' grep -q 'best.h5 holds no critics' "$out"
expect_status 'best.h5 --json' 0 "$CORSAC" explain "$tmp/run/best.h5" --json
check 'has no estimators then' sh -c '! grep -q estimators "$1"' sh "$out"
train 'layer norm, three critics, a normalizer, two actions' $small --env "$plugins/linear.so" --critics 3 --critic-layer-norm --normalize-observations \
  --run-dir "$tmp/norm"
expect_status 'and that' 0 "$CORSAC" explain "$tmp/norm" --json
cp "$out" "$tmp/norm.json"
if [ -n "$PYTHON" ]; then
  check 'the numbers are those of the file' $PYTHON - "$tmp" <<'END'
import json, math, sys, h5py, numpy as np

tmp = sys.argv[1]


def net(f, group, last, x, norm=False):
    for name in sorted(k for k in f[group] if k.startswith("layer")):
        layer = f[group][name]
        x = layer["weight"][:].astype(float) @ x + layer["bias"][:]
        if norm:
            x = (x - x.mean()) / np.sqrt(x.var() + 1e-5) * layer["norm_scale"][:] + layer["norm_shift"][:]
        x = np.maximum(x, 0)
    return [f[group][name]["weight"][:].astype(float) @ x + f[group][name]["bias"][:] for name in last]


def look(file, text, norm):
    e = json.load(open(text))
    with h5py.File(file) as f:
        obs = np.array(e["observation"])
        if norm:
            n = f["normalizer"]
            obs = np.clip((obs - n["mean"][:]) / np.sqrt(n["m2"][:] / n["count"][()] + 1e-8), -10, 10)
        mean, log_std = net(f, "policy", ["mean", "log_std"], obs)
        sample = {key: np.array([part[key] for part in e["sample"]]) for key in e["sample"][0]}
        close = lambda a, b, what, tol=1e-6: np.allclose(a, b, rtol=tol, atol=tol) or sys.exit(f"{file}: {what}: {a} {b}")
        close(sample["mean"], mean, "mean")
        close(sample["log_std"], np.clip(log_std, -20, 2), "log_std")
        u = mean + np.exp(sample["log_std"]) * sample["eps"]
        close(sample["u"], u, "u")
        logpi = -0.5 * sample["eps"] ** 2 - sample["log_std"] - 0.5 * math.log(2 * math.pi) - np.log(1 - np.tanh(u) ** 2)
        close(e["log_probability"], logpi.sum(), "log pi", 1e-5)
        q = min(net(f, f"critics/{k}", ["q"], np.concatenate([obs, np.tanh(u)]), norm)[0][0] for k in f["critics"])
        close(e["min_q"], q, "min Q")
        close(e["alpha"], np.exp(f["temperature/log_alpha"][()]), "alpha")
    for what in "log_probability_gradient", "objective_gradient":
        for part in "mean", "log_std":
            close(e[what][part], e[what][part + "_difference"], what + " " + part, 1e-5)
    estimators = e["estimators"]
    for i in range(2 * len(mean)):
        path, score, base = (estimators[k] for k in ("pathwise", "score_function", "score_function_baseline"))
        for other in score, base:
            error = math.sqrt((path["variance"][i] + other["variance"][i]) / e["samples"])
            abs(path["mean"][i] - other["mean"][i]) < 5 * error or sys.exit(f"{file}: estimators of {i} differ")
    return e


one = look(f"{tmp}/run/ckpt-300.h5", f"{tmp}/one.json", False)
assert np.allclose(one["observation"], json.load(open(f"{tmp}/eval.json"))["first_observation"]), "not the evaluation's first observation"
assert len(look(f"{tmp}/norm/ckpt-300.h5", f"{tmp}/norm.json", True)["sample"]) >= 1
END
else
  skip 'the numbers of explain: no python3-h5py here'
fi
bad 'no run' 2 'say which policy' "$CORSAC" explain
bad 'no such run' 1 'nowhere' "$CORSAC" explain "$tmp/nowhere"
bad 'no samples' 2 '--samples: must be an integer from 2' "$CORSAC" explain "$tmp/run" --samples 1
bad 'another environment' 1 'obs_dim 2 and act_dim 1, but' "$CORSAC" explain "$tmp/run" --env MountainCarContinuous-v0
finish

#!/usr/bin/env bash
# corsac eval --trace: every step of the evaluation, as CSV and as HDF5, read back by csv and h5py.
. "$(dirname "$0")/lib.sh"

train 'a run' $small --run-dir "$tmp/run"
for format in csv h5; do
  expect_status "$format" 0 "$CORSAC" eval "$tmp/run" --episodes 3 --json --trace "$tmp/trace.$format"
  check "$format: says what it wrote" grep -q "trace.$format: 600 steps$" "$err"
  cp "$out" "$tmp/$format.json"
done
check 'the evaluation is the same' cmp -s "$tmp/csv.json" "$tmp/h5.json"
check 'a row for each step, and the header' [ "$(wc -l <"$tmp/trace.csv")" = 601 ]
check 'with these columns' [ "$(head -n 1 "$tmp/trace.csv")" = episode,step,obs_0,obs_1,obs_2,action_0,reward,terminated,truncated,log_probability,q_0,q_1 ]
check 'every row has them all' awk -F, 'NF != 12 { exit 1 }' "$tmp/trace.csv"
expect_status 'best.h5' 0 "$CORSAC" eval "$tmp/run/best.h5" --episodes 1 --trace "$tmp/best.csv"
check 'has no Q, and says so' grep -q 'without Q: .*best.h5 holds no critics' "$err"
check 'and no columns for it' [ "$(head -n 1 "$tmp/best.csv" | grep -c q_)" = 0 ]
train 'what was traced is logged experience' --env Pendulum-v1 --env-steps 200 --init-replay "$tmp/trace.h5" --run-dir "$tmp/more"
check 'of 600 transitions' grep -q 'begins with 600 .*transitions' "$tmp/more/log.txt"
if [ -n "$PYTHON" ]; then
  check 'the numbers are those of the run' $PYTHON - "$tmp" <<'END'
import csv, json, math, sys, h5py, numpy as np

tmp = sys.argv[1]
with open(f"{tmp}/trace.csv") as f:
    rows = list(csv.DictReader(f))
column = lambda *names: np.array([[float(row[name]) for name in names] for row in rows])
told = json.load(open(f"{tmp}/csv.json"))
with h5py.File(f"{tmp}/trace.h5") as f:
    t = {name: f[name][:] for name in f}
    assert f.attrs["env"] == b"Pendulum-v1", f.attrs["env"]
assert (t["obs"] == column("obs_0", "obs_1", "obs_2").astype(np.float32)).all()
assert (t["action"] == column("action_0").astype(np.float32)).all() and (t["q"] == column("q_0", "q_1")).all()
for name in "episode", "step", "reward", "terminated", "truncated", "log_probability":
    assert (t[name] == column(name)[:, 0]).all(), name
for episode in range(3):
    here = t["episode"] == episode
    assert (t["step"][here] == np.arange(200)).all()
    assert math.isclose(t["reward"][here].sum(), told["returns"][episode], rel_tol=1e-12)
    assert (t["next_obs"][here][:-1] == t["obs"][here][1:]).all()
assert (t["truncated"] == (t["step"] == 199)).all() and not t["terminated"].any()
assert np.allclose(t["obs"][0], told["first_observation"]) and np.allclose(t["action"][0], told["first_action"])
with h5py.File(f"{tmp}/run/ckpt-300.h5") as f:
    def net(group, last, x):
        for name in sorted(k for k in f[group] if k.startswith("layer")):
            x = np.maximum(x @ f[group][name]["weight"][:].astype(float).T + f[group][name]["bias"][:], 0)
        return x @ f[group][last]["weight"][:].astype(float).T + f[group][last]["bias"][:]
    mean, log_std = net("policy", "mean", t["obs"]), net("policy", "log_std", t["obs"])
    action = t["action"] / 2
    assert np.allclose(np.tanh(mean), action, atol=1e-5)
    assert np.allclose(t["log_probability"], (-log_std - 0.5 * math.log(2 * math.pi) - np.log(1 - np.tanh(mean) ** 2))[:, 0], atol=1e-5)
    for k in 0, 1:
        assert np.allclose(t["q"][:, k], net(f"critics/{k}", "q", np.hstack([t["obs"], action]))[:, 0], rtol=1e-5, atol=1e-5)
END
else
  skip 'the numbers of a trace: no python3-h5py here'
fi
# A failed episode is made again, and the trace has nothing of the first attempt.
train 'an environment that fails now and then' $small --env "$plugins/flaky.so:return" --eval-every 0 --env-steps 60 --run-dir "$tmp/flaky"
expect_status 'is traced' 0 "$CORSAC" eval "$tmp/flaky" --episodes 5 --trace "$tmp/flaky.csv"
check 'an episode was made again' grep -q 'an episode is made again' "$err"
check 'and each is in the trace once' [ "$(awk -F, 'NR > 1 { print $1 ":" $2 }' "$tmp/flaky.csv" | tr '\n' ' ')" = \
  "$(for episode in 0 1 2 3 4; do for step in 0 1 2 3 4 5; do printf '%s:%s ' $episode $step; done; done)" ]
bad 'neither csv nor h5' 2 '--trace .*: the name must end in .csv or .h5' "$CORSAC" eval "$tmp/run" --trace "$tmp/trace.txt"
bad 'no such directory' 1 'no file can be made in .*nowhere/' "$CORSAC" eval "$tmp/run" --trace "$tmp/nowhere/a.csv"
finish

#!/usr/bin/env bash
# --init-replay: a run begins with transitions that were logged before.
. "$(dirname "$0")/lib.sh"

small="--env Pendulum-v1 --hidden 8 --batch-size 16 --learning-starts 100 --eval-every 0 --checkpoint-every 0 --log-every 0"
train 'a run to take from' $small --env-steps 1500 --run-dir "$tmp/from"
train 'from its checkpoint' $small --env-steps 300 --init-replay "$tmp/from" --run-dir "$tmp/a"
check 'it says so' grep -q 'replay begins with 1500 transitions of .*/from/ckpt-1500.h5' "$err"
check 'they stay' grep -q 'replay       1800 of ' <("$CORSAC" inspect "$tmp/a")
check 'and are of this start, not of the run' grep -qE "^init_replay: *(''|\"\")?$" "$tmp/a/config.yaml"
train 'the newest of them' $small --env-steps 300 --replay-capacity 1000 --init-replay "$tmp/from/ckpt-1500.h5" --run-dir "$tmp/b"
check 'it says what is left out' grep -q 'warn.*500 older transitions are left out' "$err"
bad 'narrower bounds than its own' 1 "from/ckpt-1500.h5: component 0 of its actions is from -2 to 2, more than this run's action bounds, -1 to 1" \
  "$CORSAC" train $small --action-low -1 --action-high 1 --init-replay "$tmp/from" --run-dir "$tmp/d"
"$CORSAC" train $small --env "$plugins/resets.so" --init-replay "$tmp/from" --run-dir "$tmp/d" >"$out" 2>"$err"
check 'another environment is a warning' grep -q "warn.*ckpt-1500.h5 holds transitions of Pendulum-v1, this run's environment is resets.so" "$err"
train 'with another gamma' $small --env-steps 300 --gamma 0.999 --init-replay "$tmp/from" --run-dir "$tmp/gamma"
check 'it says so' grep -q 'ckpt-1500.h5 has gamma 0.99; its transitions get gamma 0.999' "$err"
train 'a run of three environments' $small --envs 3 --env-steps 600 --run-dir "$tmp/three"
train 'rewards of several environments' $small --env-steps 200 --normalize-rewards deviation --init-replay "$tmp/three" --run-dir "$tmp/r1"
check 'it says that the statistics begin anew' \
  [ "$(grep -c 'warn.*normalize_rewards begins with the steps of this run, without the transitions of .*ckpt-600.h5: they are of several' "$err")" = 1 ]
train 'rewards of one environment' $small --env-steps 200 --normalize-rewards deviation --init-replay "$tmp/from" --run-dir "$tmp/r2"
check 'these are in the statistics' [ "$(grep -c 'normalize_rewards' "$err")" = 0 ]
for ranks in 1 3; do
  $([ $ranks = 1 ] || echo $MPIRUN -n $ranks) "$CORSAC" train $small --sync --envs 2 --env-steps 400 --init-replay "$tmp/from" --run-dir "$tmp/sync$ranks" >"$out" 2>"$err"
  check "sync, $ranks ranks" [ $? = 0 ]
done
if [ -n "$PYTHON" ]; then
  check 'sync is the same on any number of ranks' $PYTHON - "$tmp/sync1/ckpt-400.h5" "$tmp/sync3/ckpt-400.h5" <<'P'
import sys, h5py, numpy
a, b = (h5py.File(f) for f in sys.argv[1:])
for name in ("replay/obs", "policy/layer0/weight", "optimizer/critics/m"):
    def same(x, y): return numpy.array_equal(x[()], y[()])
    assert same(a[name], b[name]) if isinstance(a[name], h5py.Dataset) else all(same(a[name][k], b[name][k]) for k in a[name]), name
P
  cat >"$tmp/log.py" <<'P'
import sys, h5py, numpy as np
n, how = 500, sys.argv[2]
r = np.random.default_rng(1)
with h5py.File(sys.argv[1], "w") as f:
    f["obs"] = r.normal(size=(n, 2 if how == "dims" else 3)).astype("f4")
    f.create_dataset("next_obs", data=r.normal(size=(n, 3)), compression="gzip", chunks=(100, 3))
    f["action"] = r.uniform(-2, 2, size=(n, 1)) * (1.5 if how == "bounds" else 1)
    reward = r.normal(size=n)
    if how == "nan": reward[77] = np.nan
    f["reward"] = reward
    if how != "bare": f["terminated"] = r.random(n) < 0.01
    if how == "unit": f.attrs["action_scale"] = "unit"
P
  log() { $PYTHON "$tmp/log.py" "$tmp/log.h5" "$1"; }
  log good
  train "a log that h5py wrote, compressed, with booleans" $small --env-steps 300 --init-replay "$tmp/log.h5" --run-dir "$tmp/c"
  check 'all of it' grep -q 'replay begins with 500 transitions' "$err"
  while read -r how says; do
    log "$how"
    bad "a log with wrong $how" 1 "log.h5.*$says" "$CORSAC" train $small --init-replay "$tmp/log.h5" --run-dir "$tmp/d"
    check "nothing is left of it ($how)" [ ! -e "$tmp/d" ]
  done <<'L'
dims /obs is 500x2, this configuration needs 500x3
bounds /action: row [0-9]+, component 0 is .*outside of \[-2, 2\]
nan /reward: row 77, component 0 is
bare neither /discount nor /terminated
unit /action: row [0-9]+, component 0 is .*outside of \[-1, 1\]
L
else
  skip 'logs that h5py writes: no python3-h5py here'
fi
echo nothing >"$tmp/text.h5"
bad 'a file that is no HDF5' 1 'text.h5' "$CORSAC" train $small --init-replay "$tmp/text.h5" --run-dir "$tmp/d"
bad 'no such file' 1 'nowhere.h5' "$CORSAC" train $small --init-replay "$tmp/nowhere.h5" --run-dir "$tmp/d"
bad 'a resumed run' 2 'init_replay: a resumed run has its own replay' "$CORSAC" train --resume "$tmp/a" --init-replay "$tmp/from"
finish

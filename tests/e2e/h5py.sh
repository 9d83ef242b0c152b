#!/usr/bin/env bash
# The lines of `corsac help checkpoint-format` that load a policy with h5py act as `corsac eval`
# does.
. "$(dirname "$0")/lib.sh"
if [ -z "$PYTHON" ]; then
  skip 'no python3-h5py here'
  check 'the program is there' [ -x "$CORSAC" ]
  finish
fi

block python 'layers[:-1]' >"$tmp/lines.py"
block python '"rms/gain"' >"$tmp/residual.py"
check 'the manual has the lines' grep -q 'def act(' "$tmp/lines.py"
check 'those for residual blocks, too' grep -q 'def act(' "$tmp/residual.py"
check 'they are few' [ "$(wc -l <"$tmp/lines.py")" -le 20 ]
scaling=$(block python np.clip)
check 'the manual has the line for normalised observations' [ -n "$scaling" ]
# acts_the_same NAME FILE [SCALING [LINES]]: the manual's act(observation) on eval's first observation is
# its first action
acts_the_same() {
  expect_status "$1: eval" 0 "$CORSAC" eval "$2" --episodes 1 --json
  cp "$out" "$tmp/eval.json"
  { sed "s#runs/[A-Za-z0-9./-]*\.h5#$2#" "$tmp/${4:-lines.py}" && cat; } >"$tmp/program.py" <<END

import json
said = json.load(open("$tmp/eval.json"))
with h5py.File("$2") as f:
    mean, m2, count = (f["normalizer"][name][()] for name in ("mean", "m2", "count")) if "${3:-}" else (0, 0, 0)
obs = np.array(said["first_observation"])
${3:-}
action, expected = np.asarray(act(obs)), np.array(said["first_action"])
assert action.shape == expected.shape, (action, expected)
assert np.abs(expected).max() > 1e-4, "an action of zero proves nothing"
assert np.abs(action - expected).max() < 1e-5, (action, expected)
END
  expect_status "$1: h5py gives the same action" 0 $PYTHON "$tmp/program.py"
}
train 'a run' $small --run-dir "$tmp/plain"
acts_the_same 'a checkpoint' "$tmp/plain/ckpt-300.h5"
acts_the_same 'best.h5' "$tmp/plain/best.h5"
batch='--policy-norm batch --critic-norm batch'
train 'a run with batch norm' $small $batch --run-dir "$tmp/batch"
acts_the_same 'with batch norm' "$tmp/batch/ckpt-300.h5"
residual='--network residual --expansion 2'
train 'a run of residual blocks' $small $residual --run-dir "$tmp/residual"
acts_the_same 'of residual blocks' "$tmp/residual/best.h5" '' residual.py
train 'a run of all of them' $small $batch $residual --output-norm rms --normalize-observations --run-dir "$tmp/all"
acts_the_same 'of all of them' "$tmp/all/ckpt-300.h5" "$scaling" residual.py
train 'a run with normalised observations' $small --normalize-observations --run-dir "$tmp/normalised"
acts_the_same 'a checkpoint, normalised' "$tmp/normalised/ckpt-300.h5" "$scaling"
acts_the_same 'best.h5, normalised' "$tmp/normalised/best.h5" "$scaling"
train 'a run with bounds that are not symmetric' $small --env "$plugins/counter.so" --normalize-observations --run-dir "$tmp/counter"
acts_the_same 'a checkpoint, other bounds' "$tmp/counter/ckpt-300.h5" "$scaling"
finish

#!/usr/bin/env bash
# --history: the same bits on any number of ranks and after a resume, what a checkpoint holds, evaluation, agents that
# come and go, async jobs, and what is refused.
. "$(dirname "$0")/lib.sh"

blind=$plugins/blind_pendulum.so
small='--seed 4 --hidden 16,16 --batch-size 32 --learning-starts 200 --eval-every 500 --eval-episodes 2 --log-every 250
  --normalize-observations'
cd "$tmp" || exit 1
same() {
  if [ -n "$PYTHON" ]; then check "$1" $PYTHON "$h5" same "$2" "$3"; else skip "$1: no python3-h5py here"; fi
}

# --- sync: a ring that goes round, windows of 3 steps ---

sync="train $small --env $blind --envs 4 --sync --sync-steps 7 --history 4 --n-step 3 --replay-capacity 900"
expect_status 'sync in one process' 0 "$CORSAC" $sync --env-steps 2000 --run-dir one
expect_status 'with two threads' 0 "$CORSAC" $sync --env-steps 2000 --learner-threads 2 --run-dir threads
expect_status 'on two actors' 0 $MPIRUN -n 3 "$CORSAC" $sync --env-steps 2000 --run-dir two
expect_status 'on three actors' 0 $MPIRUN -n 4 "$CORSAC" $sync --env-steps 2000 --run-dir three
check 'the log says what the networks see' grep -q '(obs 2, act 1, history 4: 11 inputs)' one/log.txt
newest=$(basename one/ckpt-2*.h5)
same 'two actors change no bit' "one/$newest" "two/$newest"
same 'three actors change no bit' "one/$newest" "three/$newest"
if [ -n "$PYTHON" ]; then
  check 'threads change no bit' $PYTHON "$h5" same "one/$newest" "threads/$newest" @learner_threads
fi

expect_status 'half of it on three ranks' 0 $MPIRUN -n 3 "$CORSAC" $sync --env-steps 1000 --run-dir half
expect_status 'the rest' 0 "$CORSAC" train --resume half --env-steps 2000
same 'a resume changes no bit' "one/$newest" "half/$newest"
slow="$sync --utd 8 --env-steps 7000 --checkpoint-every 500"
expect_status 'a longer one' 0 "$CORSAC" $slow --run-dir long
start "$CORSAC" $slow --run-dir killed
wait_for sh -c 'ls killed/ckpt-*.h5'
kill -TERM "$background"
ended 'is stopped by a signal' 75
expect_status 'and goes on' 0 "$CORSAC" train --resume killed
same 'a signal changes no bit' long/ckpt-7000.h5 killed/ckpt-7000.h5

# --- what a checkpoint holds ---

expect_status 'inspect' 0 "$CORSAC" inspect one --json
check 'the ring is full' json_is "$out" replay_size 900
check 'obs_dim is the environment'"'"'s' json_is "$out" obs_dim 2
if [ -n "$PYTHON" ]; then
  cat >columns.py <<'END'
import sys, h5py, numpy
f = h5py.File(sys.argv[1])
r = f["replay"]
size, cursor = int(r["size"][0]), int(r["cursor"][0])
back, obs, action = r["back"][:].astype(numpy.int64), r["obs"][:], r["action"][:]
assert "next_obs" not in r and obs.shape == (size, 2)
assert f["policy/layer0/weight"].shape[1] == 4 * 2 + 3 * 1
first = back == 0
assert first.sum() == 4 and not (back == 0xffffffff).any()
# Three steps of torque and angle give the angle after them: the records really follow each other.
oldest, checked = (cursor if size == 900 else 0), 0
for age in range(size):
    i = (oldest + age) % size
    if first[i] or back[i] > age: continue
    p = (i - back[i]) % size
    if first[p] or back[p] > age - back[i]: continue
    q = (p - back[p]) % size
    a, b, c = (numpy.arctan2(obs[k, 1], obs[k, 0]) for k in (q, p, i))
    wrap = lambda x: (x + numpy.pi) % (2 * numpy.pi) - numpy.pi
    before, after = wrap(b - a) / 0.05, wrap(c - b) / 0.05
    wanted = numpy.clip(before + (15 * numpy.sin(b) + 6 * action[i, 0]) * 0.05, -8, 8)
    assert abs(after - wanted) < 1e-3, (i, after, wanted)
    checked += 1
assert checked > 700
END
  check 'its records follow each other' $PYTHON columns.py "one/$newest"

  # The manual's way to read them.
  documents=$root/launch/manual/history.md
  block python 'import h5py' | sed "s#runs/memory/ckpt-20000.h5#one/$newest#" >manual.py
  cat >>manual.py <<'END'
assert size == 900 and len(obs) == len(reward) == 900 - 4 - 4, len(obs)  # 4 episodes began, 4 observations are gone
angle, after = (numpy.arctan2(x[:, 1], x[:, 0]) for x in (obs, next_obs))
assert (angle ** 2 <= -reward + 1e-4).all()
assert (numpy.abs((after - angle + numpy.pi) % (2 * numpy.pi) - numpy.pi) < 0.401).all()
END
  sed -i 's/^import h5py, numpy as np/&, numpy/' manual.py
  check 'the manual reads its transitions' $PYTHON manual.py
fi

# --- evaluation ---

expect_status 'eval' 0 "$CORSAC" eval one/"$newest" --episodes 2 --json
wanted=$(json "$out" return_mean)
expect_status 'eval on ranks' 0 $MPIRUN -n 3 "$CORSAC" eval one/"$newest" --episodes 2 --json
check 'plays the same' json_is "$out" return_mean "$wanted"
check 'and what training saw' grep -q "mean return $(printf '%.2f' "$wanted") " one/log.txt

# --- long observations stand once without a history, too ---

long="train $small --env $blind:long --envs 3 --sync --sync-steps 5 --replay-capacity 500"
expect_status 'long observations' 0 "$CORSAC" $long --env-steps 900 --run-dir long-one
expect_status 'on three ranks' 0 $MPIRUN -n 3 "$CORSAC" $long --env-steps 450 --run-dir long-half
expect_status 'and on in one process' 0 "$CORSAC" train --resume long-half --env-steps 900
same 'the same bits' long-one/ckpt-900.h5 long-half/ckpt-900.h5
if [ -n "$PYTHON" ]; then
  check 'its replay has no next_obs' $PYTHON -c 'import sys, h5py
r = h5py.File(sys.argv[1])["replay"]
assert "next_obs" not in r and r["obs"].shape == (500, 1100)' long-one/ckpt-900.h5
fi
expect_status 'with n-step windows' 0 "$CORSAC" $long --n-step 2 --env-steps 450 --run-dir long-steps
expect_status 'its checkpoint is good' 0 "$CORSAC" inspect long-steps

# --- agents that come and go ---

agents="train $small --env $plugins/agents.so:3vary --envs 3 --sync --sync-steps 10 --history 3 --no-history-actions
  --n-step 2 --replay-capacity 4000 --normalize-rewards deviation"
expect_status 'agents in one process' 0 "$CORSAC" $agents --env-steps 900 --run-dir agents
expect_status 'agents on three actors' 0 $MPIRUN -n 4 "$CORSAC" $agents --env-steps 450 --run-dir agents-half
expect_status 'agents resumed' 0 "$CORSAC" train --resume agents-half --env-steps 900
same 'the same bits with agents' agents/ckpt-900.h5 agents-half/ckpt-900.h5

# --- async ---

async="train $small --env $blind --history 4 --n-step 2 --replay-capacity 1200 --env-steps 1500"
expect_status 'async on ranks' 0 $MPIRUN -n 4 "$CORSAC" $async --run-dir async
check 'every update was made' [ "$(column async/metrics.csv updates | tail -n 1)" = 1300 ]
expect_status 'and on with other environments' 0 $MPIRUN -n 3 "$CORSAC" train --resume async --envs 5 --env-steps 2500
expect_status 'and in one process' 0 "$CORSAC" train --resume async --envs 1 --env-steps 3000
check 'to its end' [ "$(column async/metrics.csv env_steps | tail -n 1)" = 3000 ]

# --- a run that begins with logged steps ---

expect_status 'a log of steps' 0 "$CORSAC" eval one --episodes 2 --trace log.h5
expect_status 'with the log' 0 "$CORSAC" $sync --init-replay log.h5 --env-steps 560 --run-dir logged
check 'it says so' grep -q 'replay begins with 400 transitions of log.h5' "$err"
expect_status 'half of it' 0 $MPIRUN -n 3 "$CORSAC" $sync --init-replay log.h5 --env-steps 280 --run-dir logged-half
expect_status 'and on' 0 "$CORSAC" train --resume logged-half --env-steps 560
same 'the same bits with a log' logged/ckpt-560.h5 logged-half/ckpt-560.h5
check 'inspect counts observations' grep -qE '^  replay +[0-9]+ of [0-9]+ observations$' <("$CORSAC" inspect async)
expect_status 'rows of several environments' 0 "$CORSAC" train $small --env "$blind" --envs 4 --env-steps 400 --run-dir mixed
expect_status 'are a log' 0 "$CORSAC" train $small --env "$blind" --history 4 --init-replay mixed --env-steps 300 --run-dir mixed-log
check 'whose episodes are short, it warns' grep -q 'warn .*these are [0-9]* episodes, shorter than history 4 on average' "$err"
expect_status 'its replay is a log, too' 0 "$CORSAC" $sync --init-replay async --env-steps 560 --run-dir again

# --- what is refused ---

bad 'longer than an episode' '[12]' 'history is 201, but an episode of blind_pendulum.so has at most 200 steps' \
  "$CORSAC" train --env "$blind" --history 201 --env-steps 500 --run-dir no
bad 'longer than any' 2 'history' "$CORSAC" train --env "$blind" --history 1025 --run-dir no
bad 'a replay that holds none' 2 'replay_capacity is 20; with history 16, n_step 1 and 2 agents in all it must be 53 at least' \
  "$CORSAC" train --env "$blind" --history 16 --envs 2 --batch-size 16 --replay-capacity 20 --run-dir no
bad 'a resume with another history' 2 'history' "$CORSAC" train --resume one --history 3 --env-steps 2500
bad 'a resume without the actions' 2 'history_actions' "$CORSAC" train --resume one --no-history-actions --env-steps 2500
finish

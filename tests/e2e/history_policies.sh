#!/usr/bin/env bash
# A policy that is trained with a history, in every place where it acts without training: eval and its
# trace, on several ranks too, the library, C, a simulator alone, explain, inspect, --init-policy.
. "$(dirname "$0")/lib.sh"
libraries=$root/${BUILD_DIR%/*}/lib library=$libraries/libcorsac_policy.so
train 'a run' $small --history 3 --run-dir "$tmp/a"
train 'one without actions, with normalised observations' $small --history 4 --no-history-actions --normalize-observations --run-dir "$tmp/b"
train 'one of agents that come and go' $small --env "$plugins/agents.so:6" --history 4 --env-steps 150 --eval-every 0 --run-dir "$tmp/c"

# --- what the files say ---------------------------------------------------------------------------
expect_status 'inspect' 0 "$CORSAC" inspect "$tmp/a"
check 'says what the policy sees' grep -qx '  sees         history 3 with actions, 11 numbers' "$out"
expect_status 'and of the other one' 0 "$CORSAC" inspect "$tmp/b/best.h5"
check 'that it sees no actions' grep -qx '  sees         history 4 without actions, 12 numbers' "$out"
expect_status 'inspect --json' 0 "$CORSAC" inspect "$tmp/a" --json
check 'has the number' json_is "$out" history 3

# --- it acts the same everywhere ------------------------------------------------------------------
for run in a b c; do
  expect_status "eval of $run" 0 "$CORSAC" eval "$tmp/$run" --episodes 3 --trace "$tmp/$run.h5"
  expect_status 'as CSV' 0 "$CORSAC" eval "$tmp/$run" --episodes 3 --trace "$tmp/$run.csv"
  expect_status 'on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" eval "$tmp/$run" --episodes 3 --trace "$tmp/$run.3.csv"
  check 'is the same' cmp -s "$tmp/$run.csv" "$tmp/$run.3.csv"
  check 'rows are of one observation' grep -qE '^episode,step,(agent,)?obs_0,obs_1,obs_2,action_0,' "$tmp/$run.csv"
  for format in npz onnx c; do expect_status "$run as $format" 0 "$CORSAC" export "$tmp/$run" --format $format -o "$tmp/$run.$format"; done
  expect_status 'the C file compiles' 0 ${CC:-gcc} -std=c99 -Wall -Wextra -Werror -O2 -DPOLICY_TEST "$tmp/$run.c" -lm -o "$tmp/test"
  expect_status 'and acts as corsac does' 0 "$tmp/test"
  [ -n "$PYTHON" ] || continue
  expect_status 'the library steps as eval does, bit for bit' 0 "$PYTHON" "$root/tests/e2e/lib_npz.py" trace "$tmp/$run.npz" "$library" "$tmp/$run.h5"
done
[ -n "$PYTHON" ] || skip 'the library beside eval, because there is no python3-h5py, which brings NumPy'

# --- explain --------------------------------------------------------------------------------------
expect_status 'explain' 0 "$CORSAC" explain "$tmp/a" --samples 1000
check 'has a line for each of what the policy sees' [ "$(sed -n '/^THE HISTORY of 3/,/^$/p' "$out" | grep -cE '^  (obs|action) at t')" = 5 ]
check 'whose shares are all' awk '/^  (obs|action) at t/ { sum += $(NF - 5) } END { exit !(sum > 99.7 && sum < 100.3) }' "$out"
check 'fits 100 columns' sh -c '! grep -qE ".{101}" "$1"' sh "$out"
check 'has gradients through critics that see it, too' grep -q 'min Q, where min Q' "$out"

# --- a simulator alone, and another run -----------------------------------------------------------
include=$root/${BUILD_DIR%/*}/include
expect_status 'a simulator' 0 ${CC:-gcc} -O2 -I"$include" "$root/launch/examples/exec/oscillator.c" -L"$libraries" -lcorsac_sim -Wl,-rpath,"$libraries" -o "$tmp/oscillator"
train 'it is trained' $small --env "exec:$tmp/oscillator" --history 3 --run-dir "$tmp/o"
expect_status 'alone' 0 env CORSAC_EPISODES=3 CORSAC_POLICY="$tmp/o" "$tmp/oscillator"
check 'it acts in every episode' [ "$(grep -c 'episode .* 100 steps' "$err")" = 3 ]

# Four agents, each of which has a state. Two of them leave at every third step, and are back two steps later.
cat >"$tmp/drift.py" <<'END'
import os
import corsac_sim
N, steps = 4, open(os.environ["STEPS"], "w") if "STEPS" in os.environ else None
sim = corsac_sim.Sim("drift", 2, [-1], [3], max_episode_steps=15, agents=N)
while sim.wanted:
    x, away, t = [((sim.seed >> 11) + 7 * j) % 100 / 100 - 0.5 for j in range(N)], [0] * N, 0
    look = lambda: [v for j in range(N) for v in (x[j], j / N)]
    action, acts, first = sim.begin(look()), range(N), [True] * N
    while sim.acting:
        if steps:
            steps.writelines(f"{j} {int(first[j])} {x[j]!r} {j / N!r} {action[j]!r}\n" for j in acts)
        for j in acts:
            x[j], first[j] = 0.9 * x[j] + 0.1 * action[j], False
        t, flags = t + 1, [corsac_sim.PRESENT] * N
        for j in range(N):
            if away[j] > 0:
                away[j] -= 1
                flags[j] = corsac_sim.ABSENT if away[j] else corsac_sim.PRESENT
            elif (t + j) % 3 == 0 and j < 2:
                away[j], first[j], flags[j] = 2, True, corsac_sim.TERMINATED
        rewards = [-x[j] * x[j] if j in acts else 0 for j in range(N)]
        sim.agents(rewards, flags)
        acts = [j for j in range(N) if flags[j] == corsac_sim.PRESENT]
        action = sim.step(look(), 0)
sim.close()
END
if [ -n "$PYTHON" ]; then
  export PYTHONPATH=$root/${BUILD_DIR%/*}/share/corsac/python
  train 'a simulator of agents' $small --env "exec:$PYTHON $tmp/drift.py" --history 3 --env-steps 150 --eval-every 0 --run-dir "$tmp/d"
  expect_status 'alone' 0 env CORSAC_EPISODES=3 CORSAC_POLICY="$tmp/d" STEPS="$tmp/d.steps" "$PYTHON" "$tmp/drift.py"
  expect_status 'its policy' 0 "$CORSAC" export "$tmp/d" --format npz -o "$tmp/d.npz"
  expect_status 'each agent acts by its own history' 0 "$PYTHON" "$root/tests/e2e/lib_npz.py" agents "$tmp/d.npz" "$library" "$tmp/d.steps"
fi

train 'a run begins with the policy' --env Pendulum-v1 --init-policy "$tmp/b" --env-steps 50 --learning-starts 100 --run-dir "$tmp/i"
check 'the history comes from there' grep -qx 'history: 4' "$tmp/i/config.yaml"
check 'without actions' grep -qx 'history_actions: false' "$tmp/i/config.yaml"
bad 'another history' 2 'init_policy: .*has history 4 without actions, this run is to have history 2 without actions' \
  "$CORSAC" train --env Pendulum-v1 --init-policy "$tmp/b" --history 2 --run-dir "$tmp/never"
finish

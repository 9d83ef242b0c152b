"""Statistics of rewards in NumPy: what tests/unit/learner/job/test_reward_statistics.c compares with.

    python tests/data/reward_statistics.py      writes tests/data/reward_statistics.bin

Three environments make 400 steps in turns that a generator chooses. An episode ends terminated or truncated. Of each
step: environment, obs, next_obs (the number that stands in every component), reward, discount, end. Then G of the
steps that end at n_step 1, its count, mean, m2, highest |G| and both scales; and for n_step 3 the rows that
actor/n_step.c makes of the same steps, with G of those.
"""

import os
import struct

import numpy as np

GAMMA, N, ENVS, STEPS, VALUE_MAX = 0.9, 3, 3, 400, 0.5
rng = np.random.default_rng(5)


def steps():
    place, length, number = [0.0] * ENVS, [0] * ENVS, 0
    for e in range(ENVS):
        number += 1
        place[e] = number
    for _ in range(STEPS):
        e = int(rng.integers(ENVS))
        number += 1
        length[e] += 1
        end = 0 if length[e] < N else int(rng.choice([0, 0, 0, 0, 1, 2]))  # 1: terminated, 2: truncated
        yield e, place[e], number, float(np.float32(rng.normal(0.3, 1 + e))), end
        place[e] = number
        if end:
            number += 1
            place[e], length[e] = number, 0


def returns(env, reward, first):
    g, out = [0.0] * ENVS, []
    for e, r, f in zip(env, reward, first):
        g[e] = r if f else GAMMA * g[e] + r
        out.append(g[e])
    return np.array(out)


def summary(g):
    return [len(g), g.mean(), ((g - g.mean()) ** 2).sum(), np.abs(g).max(), g.std() + 1e-8,
            max(np.sqrt(g.var() + 1e-8), np.abs(g).max() / VALUE_MAX)]


def windows(all_steps):
    """Rows of n_step N: environment, obs, next_obs, reward, discount, begins an episode, steps."""
    pending, begun, rows = [[] for _ in range(ENVS)], [False] * ENVS, []
    for e, obs, next_obs, reward, end in all_steps:
        pending[e].append((obs, reward))
        while pending[e] and (end or len(pending[e]) == N):
            k = len(pending[e])
            total = np.float32(sum(GAMMA**i * r for i, (_, r) in enumerate(pending[e])))
            rows.append((e, pending[e][0][0], next_obs, float(total), 0.0 if end == 1 else float(np.float32(GAMMA**k)),
                         not begun[e], k))
            begun[e] = True
            pending[e].pop(0)
        if end:
            begun[e] = False
    return rows


made = list(steps())
env, obs, next_obs, reward, end = (list(column) for column in zip(*made))
first, open_ = [], [False] * ENVS
for e, stop in zip(env, end):
    first.append(not open_[e])
    open_[e] = not stop
discount = [0.0 if stop == 1 else float(np.float32(GAMMA)) for stop in end]
rows = windows(made)
smoothed = [r / sum(GAMMA**i for i in range(k)) for _, _, _, r, _, _, k in rows]
g1 = returns(env, reward, first)
g3 = returns([row[0] for row in rows], smoothed, [row[5] for row in rows])
assert end.count(1) > 10 and end.count(2) > 10

out = [("size", [len(made), len(rows), GAMMA, N, ENVS, VALUE_MAX]),
       ("row1", [x for row in zip(env, obs, next_obs, reward, discount) for x in row]), ("g1", g1), ("sum1", summary(g1)),
       ("row3", [x for row in rows for x in row[:5]]), ("g3", g3), ("sum3", summary(g3))]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reward_statistics.bin"), "wb") as f:
    for key, values in out:
        f.write(struct.pack("<32sQ", key.encode(), len(values)) + struct.pack(f"<{len(values)}d", *values))
print(len(made), "steps,", len(rows), "rows,", end.count(1), "terminated,", end.count(2), "truncated")

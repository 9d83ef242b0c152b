#!/usr/bin/env python3
"""Trajectories of Gymnasium's MuJoCo tasks, for tests/unit/actor/envs/test_mujoco.c: mujoco_trajectories.py STEPS FILE
Little-endian, for each task: name (32 bytes), nq nv obs_dim act_dim (uint32); then records, each a kind (uint32):
1 a reset: qpos qvel (float64), obs (float32); 2 a step: action (float32), obs (float32), reward (float64), terminated, truncated
(uint32); 0: the task's end. In front of all the version of MuJoCo (uint32) as mj_version() has it.
The recorded sample tests/data/mujoco_trajectories.bin is `mujoco_trajectories.py 20 mujoco_trajectories.bin`; tests/e2e/mujoco.sh makes a long one and compares live."""
import sys

import gymnasium
import mujoco
import numpy as np

TASKS = ("HalfCheetah Hopper Walker2d Ant Humanoid Swimmer Reacher Pusher InvertedPendulum InvertedDoublePendulum HumanoidStandup").split()
steps, path = int(sys.argv[1]), sys.argv[2]


def words(*values):
    return np.array(values, "<u4").tobytes()


with open(path, "wb") as out:
    out.write(words(mujoco.mj_version()))
    for number, task in enumerate(TASKS):
        env = gymnasium.make(task + "-v5", disable_env_checker=True)
        data, space = env.unwrapped.data, env.action_space
        rng = np.random.default_rng(number)
        out.write((task + "-v5").encode().ljust(32, b"\0"))
        out.write(words(data.qpos.size, data.qvel.size, env.observation_space.shape[0], space.shape[0]))
        over, seed = True, 0
        for _ in range(steps):
            if over:
                obs, _ = env.reset(seed=seed)
                seed += 1
                out.write(words(1) + data.qpos.astype("<f8").tobytes() + data.qvel.astype("<f8").tobytes() + obs.astype("<f4").tobytes())
            action = (rng.uniform(space.low, space.high)).astype("<f4")
            obs, reward, terminated, truncated, _ = env.step(action.astype(np.float64))
            out.write(words(2) + action.tobytes() + obs.astype("<f4").tobytes() + np.float64(reward).astype("<f8").tobytes())
            out.write(words(terminated, truncated))
            over = terminated or truncated
        out.write(words(0))

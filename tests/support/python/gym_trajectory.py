"""What an environment of Gymnasium does when nothing is in between: gym_trajectory.py ID STEPS FILE

FILE: "obs_dim act_dim", then lines of numbers in hexadecimal: "R seed obs...", "S action... reward flags obs...".
"""

import sys

import gymnasium
import numpy

name, steps, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
env = gymnasium.make(name)
random, episode, over = numpy.random.default_rng(7), 0, True
text = lambda numbers: " ".join(float(x).hex() for x in numbers)
flat = lambda obs: gymnasium.spaces.flatten(env.observation_space, obs).astype(numpy.float32)
size = lambda space: gymnasium.spaces.flatdim(space)

with open(path, "w") as file:
    print(size(env.observation_space), size(env.action_space), file=file)
    for _ in range(steps):
        if over:
            seed = int(random.integers(2**32))
            print("R", seed, text(flat(env.reset(seed=seed)[0])), file=file)
        action = random.uniform(env.action_space.low, env.action_space.high).astype(numpy.float32)
        obs, reward, terminated, truncated, _ = env.step(action.astype(env.action_space.dtype))
        over = terminated or truncated
        print("S", text(action.reshape(-1)), float(reward).hex(), int(terminated) + 2 * int(truncated), text(flat(obs)), file=file)

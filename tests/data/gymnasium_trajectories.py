"""Records trajectories of Gymnasium's Pendulum-v1 and MountainCarContinuous-v0 into gymnasium_trajectories.txt.

Actions are float64 arrays that hold float32 values, as our environments get them. Written with Gymnasium 1.x and NumPy 2.x:

    python tests/data/gymnasium_trajectories.py >tests/data/gymnasium_trajectories.txt

A line "NAME steps state0 state1" begins a trajectory; then a line for each step: action, observation, reward, terminated. Numbers are
C hexadecimal floats, exact.
"""

import gymnasium as gym
import numpy as np


def record(name, state, policy, steps):
    env = gym.make(name).unwrapped
    env.reset(seed=0)
    env.state = state
    lines = []
    for t in range(steps):
        action = np.array([np.float32(policy(t, env.state))], dtype=np.float64)
        obs, reward, terminated, _, _ = env.step(action)
        assert obs.dtype == np.float32
        numbers = [action[0], *obs, reward]
        lines.append(" ".join(float(x).hex() for x in numbers) + f" {int(terminated)}")
        if terminated:
            break
    print(name, len(lines), float(state[0]).hex(), float(state[1]).hex())
    print("\n".join(lines))


rng = np.random.default_rng(7)
for angle, speed, size in [(3.0, 0.5, 2.0), (-1.0, -1.0, 2.0), (0.1, 0.0, 0.5)]:
    record("Pendulum-v1", np.array([angle, speed]), lambda t, s: rng.uniform(-size, size), 100)
# Pumping energy reaches the bound of the speed and more than one turn.
record("Pendulum-v1", np.array([np.pi, 0.0]), lambda t, s: 2.0 if s[1] >= 0 else -2.0, 200)


def car(position, velocity):
    return np.array([position, velocity], dtype=np.float32)


CAR = "MountainCarContinuous-v0"
record(CAR, car(-0.5, 0.0), lambda t, s: rng.uniform(-1, 1), 150)
record(CAR, car(-0.55, 0.0), lambda t, s: 1.0 if s[1] >= 0 else -1.0, 300)  # reaches the goal
record(CAR, car(-0.45, 0.01), lambda t, s: (0.7 if s[1] >= 0 else -0.9) + 0.1 * rng.uniform(), 300)
record(CAR, car(-0.6, -0.06), lambda t, s: -1.0, 60)  # into the left wall
record(CAR, car(0.1, -0.05), lambda t, s: -1.0, 40)  # faster than the bound
record(CAR, car(-0.9, 0.069), lambda t, s: 1.0, 60)  # faster than the bound, to the right, to the goal

# At the bound of the speed Gymnasium adds in float32: positions where that rounds another way than adding in double.
for sign, low, high in [(1, -0.9, -0.4), (-1, -0.6, 0.2)]:
    speed = np.float32(sign * 0.07)
    places = np.linspace(low, high, 2000, dtype=np.float32)
    odd = [p for p in places if p + speed != np.float32(float(p) + sign * 0.07)]
    for p in odd[:: max(1, len(odd) // 8)]:
        record(CAR, car(p, speed), lambda t, s: float(sign), 1)

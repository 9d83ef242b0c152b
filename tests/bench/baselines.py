"""Stable-Baselines3 (PyTorch) and SBX (JAX) end to end: the rivals of `corsac train`.

    baselines.py sb3|sbx --env Pendulum-v1|linear|HalfCheetah-v5 --hidden 64,64 --batch 100 [--threads 1] [--seconds 3]
    baselines.py ... --serve     a line "train 3" on stdin makes it train for 3 s and print environment steps/s

One environment, one update for each step (train_freq 1, gradient_steps 1), after learning_starts and a warm-up. Of PyTorch with
one thread and with --threads of them the faster counts, in each round anew.
"""
import argparse
import json
import sys
import time

import gymnasium
import numpy as np


class Linear(gymnasium.Env):
    """tests/support/plugins/linear.c: as cheap as an environment in Python can be."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (17,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (6,), np.float32)
    gather = np.arange(17) % 6

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = self.np_random.uniform(-1, 1, 17)
        return self.state.astype(np.float32), {}

    def step(self, action):
        s = self.state
        self.state = s = 0.95 * s + 0.05 * np.roll(s, -1) + 0.1 * action[self.gather]
        return s.astype(np.float32), -float(s @ s) / 17, False, False, {}


def make_model(o):
    gymnasium.register("linear", entry_point=lambda **_: Linear(), max_episode_steps=200)
    environment = gymnasium.make(o.env, disable_env_checker=True)
    settings = dict(train_freq=1, gradient_steps=1, batch_size=o.batch, buffer_size=100_000, learning_starts=o.batch,
                    policy_kwargs=dict(net_arch=o.hidden), ent_coef="auto", seed=1, verbose=0)
    if o.library == "sb3":
        import stable_baselines3
        import torch

        torch.set_num_threads(o.threads)
        versions = {"stable-baselines3": stable_baselines3.__version__, "torch": torch.__version__}
        return stable_baselines3.SAC("MlpPolicy", environment, device="cpu", **settings), versions
    import jax
    import sbx

    versions = {"sbx": sbx.__version__, "jax": jax.__version__}
    return sbx.SAC("MlpPolicy", environment, **settings), versions


def make_rate(o, model):
    from stable_baselines3.common.callbacks import BaseCallback

    class Until(BaseCallback):  # ends learn() at a time
        def _on_step(self):
            return time.perf_counter() < self.end

    until = Until()

    def learn(seconds):
        begin, steps = time.perf_counter(), model.num_timesteps
        until.end = begin + seconds
        model.learn(10**9, callback=until, log_interval=10**9, reset_num_timesteps=False)
        return (model.num_timesteps - steps) / (time.perf_counter() - begin)

    def rate(seconds):
        """Environment steps per second over about that time."""
        if o.library == "sbx" or o.threads == 1:
            return learn(seconds)
        import torch

        best = 0
        for threads in (1, o.threads):  # small products, or a busy machine: one may be faster
            torch.set_num_threads(threads)
            best = max(best, learn(seconds / 2))
        return best

    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=("sb3", "sbx"))
    parser.add_argument("--env", default="Pendulum-v1")
    parser.add_argument("--hidden", type=lambda text: [int(n) for n in text.split(",")], default=[64, 64])
    for name, value in (("batch", 100), ("threads", 1), ("rounds", 5)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--serve", action="store_true")
    o = parser.parse_args()
    model, versions = make_model(o)
    model.learn(o.batch + 200)  # past learning_starts; compiles
    rate = make_rate(o, model)
    print(json.dumps(versions), flush=True)
    if o.serve:
        for line in sys.stdin:
            print(rate(float(line.split()[1])), flush=True)
        return
    for _ in range(o.rounds):
        print(f"{rate(o.seconds):.1f} steps/s", flush=True)


if __name__ == "__main__":
    main()

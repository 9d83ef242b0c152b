"""Policies as .npz through NumPy, for the scripts beside this file.

  history FILE K ACTIONS OUT  a policy with a history of K observations, with the actions between them where ACTIONS is 1. Its layers are
                              those of FILE; its first layer sees the past, too, by weights that are drawn.
  same FILE LIBRARY           what NumPy computes of it through an episode is what libcorsac_policy steps
"""
import ctypes
import sys

import numpy as np


def history(path, length, actions, out):
    policy = dict(np.load(path))
    length, actions, first = int(length), int(actions), policy["layer0.weight"]
    obs_dim, act_dim = first.shape[1], len(policy["action_low"])
    past = (length - 1) * (obs_dim + actions * act_dim)
    drawn = np.random.default_rng(0).normal(0, 0.5, (len(first), past)).astype(np.float32)
    policy["layer0.weight"] = np.hstack([drawn, first])
    for name, of_action in ("obs_shift", 0), ("obs_scale", 1):
        if name in policy:
            one = np.concatenate([policy[name], np.full(actions * act_dim, of_action, np.float32)])
            policy[name] = np.concatenate([np.tile(one, length - 1), policy[name]])
    policy.update(corsac_policy=np.uint64(3), history=np.uint64(length), history_actions=np.uint64(actions), obs_dim=np.uint64(obs_dim))
    np.savez(out, **policy)


class History:  # as launch/manual/policies.md has it
    def __init__(self, length, actions, act_dim):
        self.length, self.actions, self.act_dim = length, actions, act_dim

    def reset(self, obs):
        between = np.zeros(self.act_dim * self.actions, np.float32)
        self.input = np.concatenate([obs, between] * (self.length - 1) + [obs])
        return self.input

    def push(self, action, obs):
        step = len(obs) + self.act_dim * self.actions
        newest = [action, obs] if self.actions else [obs]
        self.input = np.concatenate([self.input[step:]] + newest)
        return self.input


def act(policy, x):
    """A dense policy's action in [-1, 1]."""
    if "obs_shift" in policy:
        x = np.clip((x - policy["obs_shift"]) * policy["obs_scale"], -policy["obs_clip"], policy["obs_clip"])
    layer = 0
    while f"layer{layer}.weight" in policy:
        x = np.maximum(0, policy[f"layer{layer}.weight"] @ x + policy[f"layer{layer}.bias"])
        layer += 1
    return np.tanh(policy["mean.weight"] @ x + policy["mean.bias"])


def same(path, library):
    policy, library, why = np.load(path), ctypes.CDLL(library), ctypes.create_string_buffer(1024)
    library.corsac_policy_load.restype = ctypes.c_void_p
    library.corsac_policy_scratch_size.restype = library.corsac_policy_state_size.restype = ctypes.c_size_t
    loaded = ctypes.c_void_p(library.corsac_policy_load(path.encode(), why, 1024))
    assert loaded, why.value
    scratch, state = (ctypes.create_string_buffer(getattr(library, f"corsac_policy_{name}_size")(loaded)) for name in ("scratch", "state"))
    low, high, obs_dim = policy["action_low"], policy["action_high"], int(policy["obs_dim"])
    assert (library.corsac_policy_history(loaded), library.corsac_policy_obs_dim(loaded)) == (policy["history"], obs_dim)
    history, numbers, seen = History(int(policy["history"]), int(policy["history_actions"]), len(low)), np.random.default_rng(1), []
    library.corsac_policy_reset(loaded, state)
    for step in range(20):
        obs, stepped = numbers.normal(0, 1, obs_dim).astype(np.float32), np.zeros(len(low), np.float32)
        assert library.corsac_policy_step(loaded, state, obs.ctypes.data_as(ctypes.c_void_p), stepped.ctypes.data_as(ctypes.c_void_p), scratch) == 0
        action = act(policy, history.push(action, obs) if step else history.reset(obs))
        seen.append(low + (action + 1) / 2 * (high - low))
        assert np.abs(seen[-1] - stepped).max() < 1e-5 * (high - low).max(), (step, seen[-1], stepped)
    assert np.ptp(seen) > 0


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

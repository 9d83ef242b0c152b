"""Policies as .npz through NumPy, for the scripts beside this file.

  history FILE K ACTIONS OUT  a policy with a history of K observations, with the actions between them where ACTIONS is 1. Its layers are
                              those of FILE; its first layer sees the past, too, by weights that are drawn.
  trace FILE LIBRARY TRACE    libcorsac_policy steps through the episodes of TRACE (.h5, deterministic) with the same actions, bit for bit;
                              FILE is an .npz, and NumPy gives the same, and the log-probabilities
  agents FILE LIBRARY STEPS   the same for a text of lines [agent, 1 where an episode of it begins, obs, action]
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


def head(policy, x):
    """Mean and log_std of a dense policy."""
    if "obs_shift" in policy:
        x = np.clip((x - policy["obs_shift"]) * policy["obs_scale"], -policy["obs_clip"], policy["obs_clip"])
    layer = 0
    while f"layer{layer}.weight" in policy:
        x = np.maximum(0, policy[f"layer{layer}.weight"] @ x + policy[f"layer{layer}.bias"])
        layer += 1
    return tuple(policy[name + ".weight"] @ x + policy[name + ".bias"] for name in ("mean", "log_std"))


class Both:
    """An .npz in NumPy and in the library, which agree at each step of an episode."""

    def __init__(self, path, library):
        self.policy, self.library, why = np.load(path), ctypes.CDLL(library), ctypes.create_string_buffer(1024)
        self.library.corsac_policy_load.restype = ctypes.c_void_p
        self.library.corsac_policy_scratch_size.restype = self.library.corsac_policy_state_size.restype = ctypes.c_size_t
        self.loaded = ctypes.c_void_p(self.library.corsac_policy_load(path.encode(), why, 1024))
        assert self.loaded, why.value
        sizes = (getattr(self.library, f"corsac_policy_{name}_size")(self.loaded) for name in ("scratch", "state"))
        self.scratch, self.state = map(ctypes.create_string_buffer, sizes)
        self.low, self.high, self.obs_dim = self.policy["action_low"], self.policy["action_high"], int(self.policy["obs_dim"])
        assert self.library.corsac_policy_history(self.loaded) == self.policy["history"]
        assert self.library.corsac_policy_obs_dim(self.loaded) == self.obs_dim
        self.history = History(int(self.policy["history"]), int(self.policy["history_actions"]), len(self.low))

    def step(self, obs, first):
        """The action of the library in the bounds, mean and log_std of NumPy."""
        action, pointer = np.zeros(len(self.low), np.float32), lambda array: array.ctypes.data_as(ctypes.c_void_p)
        if first:
            self.library.corsac_policy_reset(self.loaded, self.state)
        assert self.library.corsac_policy_step(self.loaded, self.state, pointer(obs), pointer(action), self.scratch) == 0
        mean, log_std = head(self.policy, self.history.reset(obs) if first else self.history.push(self.unit, obs))
        self.unit = np.tanh(mean)
        scaled = self.low + (self.unit + 1) / 2 * (self.high - self.low)
        assert np.abs(scaled - action).max() < 1e-5 * (self.high - self.low).max(), (scaled, action)
        return action, mean, log_std


def same(path, library):
    both, numbers = Both(path, library), np.random.default_rng(1)
    actions = [both.step(numbers.normal(0, 1, both.obs_dim).astype(np.float32), step == 0)[0] for step in range(20)]
    assert np.ptp(actions) > 0


def trace(path, library, steps):
    import h5py
    of_agent, last = {}, {}  # the step that an agent made last; None: its episode has ended
    with h5py.File(steps) as file:
        rows = [file[name][:] for name in ("step", "obs", "action", "log_probability")]
        agents = file["agent"][:] if "agent" in file else np.zeros(len(rows[0]), int)
        ended = file["terminated"][:] | file["truncated"][:]
    for step, obs, action, log_probability, agent, end in zip(*rows, agents, ended):
        both = of_agent.get(agent) or Both(path, library)
        stepped, mean, log_std = both.step(np.ascontiguousarray(obs), step == 0 or last.get(agent) != step - 1)
        of_agent[agent], last[agent] = both, None if end else step
        assert (stepped == action).all(), (step, stepped, action)
        told = -np.clip(log_std, -20, 2) - 0.5 * np.log(2 * np.pi) - np.log(1 - np.tanh(mean.astype(float)) ** 2)
        assert np.isclose(told.sum(), log_probability, rtol=1e-4, atol=1e-4), (step, told, log_probability)


def agents(path, library, steps):
    of_agent, begun = {}, set()
    for line in open(steps):
        agent, first, *numbers = map(float, line.split())
        both = of_agent[agent] = of_agent.get(agent) or Both(path, library)
        obs, action = np.split(np.array(numbers, np.float32), [both.obs_dim])
        stepped = both.step(obs, first == 1)[0]
        assert (stepped == action).all(), (line, stepped)
        begun |= {(agent, first)}
    assert len(begun) == 2 * len(of_agent) > 2, begun


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

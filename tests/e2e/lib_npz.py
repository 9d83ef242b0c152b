"""Policies as .npz through NumPy, for the scripts beside this file.

  history FILE K ACTIONS OUT  a policy with a history of K observations, with the actions between them where ACTIONS is 1. Its layers are
                              those of FILE; its first layer sees the past, too, by weights that are drawn.
"""
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


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

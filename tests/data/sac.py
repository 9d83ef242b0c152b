"""Soft Actor-Critic by PyTorch in float64, with autograd and torch.optim.Adam: what tests/unit/learner/sac/test_sac.c compares with.

Weights, batches and noise come from the generator below, which the C test has too, so that only results are stored.

    python tests/data/sac.py        writes tests/data/sac_twin.bin and tests/data/sac_redq.bin

A file is records of name (32 bytes, padded with 0), count (uint64), values (count float64), little-endian.
Parameters stand as the program keeps them: layer after layer weight (out x in), bias, norm scale, norm shift; critic after critic.
"""

import math
import os
import struct

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
OBS, ACT, HIDDEN = 5, 2, (12, 10)
UPDATES = 20


class Numbers:
    """splitmix64; uniform() in [-1, 1)."""

    def __init__(self, seed):
        self.state = seed

    def word(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    def uniform(self):
        return (self.word() >> 11) * 2.0**-52 - 1.0

    def array(self, *shape):
        return torch.tensor([self.uniform() for _ in range(math.prod(shape))]).reshape(shape)


def network(inputs, outputs, norm):
    layers, width = [], inputs
    for hidden in HIDDEN:
        layers.append(nn.Linear(width, hidden))
        if norm:
            layers.append(nn.LayerNorm(hidden))
        layers.append(nn.ReLU())
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, outputs))


@torch.no_grad()
def fill(net, numbers):
    for module in net:
        if isinstance(module, nn.Linear):
            module.weight.copy_(numbers.array(*module.weight.shape) * 0.6)
            module.bias.copy_(numbers.array(*module.bias.shape) * 0.2)
        elif isinstance(module, nn.LayerNorm):
            module.weight.copy_(numbers.array(*module.weight.shape) * 0.3 + 1.0)
            module.bias.copy_(numbers.array(*module.bias.shape) * 0.2)


def flat(modules, what=lambda p: p):
    return torch.cat([what(p).detach().reshape(-1) for m in modules for p in m.parameters()])


def sample(policy, obs, noise):
    mean, log_std = policy(obs).chunk(2, dim=-1)
    log_std = log_std.clamp(-20, 2)
    normal = torch.distributions.Normal(mean, log_std.exp())
    u = mean + log_std.exp() * noise
    # log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u))
    log_prob = normal.log_prob(u) - 2 * (math.log(2) - u - nn.functional.softplus(-2 * u, threshold=1000))
    return torch.tanh(u), log_prob.sum(-1)


def run(name, seed, rows, critics_count, subset_count, norm, reward_scale, lr_critic, lr_actor, lr_alpha, tau, wide):
    numbers, out = Numbers(seed), []

    def put(key, value):
        values = torch.as_tensor(value, dtype=torch.float64).reshape(-1).tolist()
        out.append(struct.pack("<32sQ", key.encode(), len(values)) + struct.pack(f"<{len(values)}d", *values))

    policy = network(OBS, 2 * ACT, False)
    fill(policy, numbers)
    with torch.no_grad():
        policy[-1].bias[2 * ACT - 1] += wide  # one log_std near or over the clamp
    critics = [network(OBS + ACT, 1, norm) for _ in range(critics_count)]
    targets = [network(OBS + ACT, 1, norm) for _ in range(critics_count)]
    for net in critics + targets:
        fill(net, numbers)
    log_alpha = torch.zeros((), requires_grad=True)
    critic_parameters = [p for c in critics for p in c.parameters()]
    policy_optimizer = torch.optim.Adam(policy.parameters(), lr=lr_actor)
    critic_optimizer = torch.optim.Adam(critic_parameters, lr=lr_critic)
    alpha_optimizer = torch.optim.Adam([log_alpha], lr=lr_alpha)

    for update in range(1, UPDATES + 1):
        obs = numbers.array(rows, OBS) * 2
        action = numbers.array(rows, ACT)
        reward = numbers.array(rows) * 3
        next_obs = numbers.array(rows, OBS) * 2
        kind = [numbers.word() % 4 for _ in range(rows)]  # terminated, or 1, 2, 3 steps
        discount = torch.tensor([0.0 if k == 0 else 0.97**k for k in kind])
        noise = numbers.array(rows, ACT) * 1.7
        noise_next = numbers.array(rows, ACT) * 1.7
        chosen = list(range(critics_count))
        if subset_count < critics_count:
            assert subset_count == 2
            first = numbers.word() % critics_count
            chosen = [first, (first + 1 + numbers.word() % (critics_count - 1)) % critics_count]

        alpha = log_alpha.detach().exp()
        with torch.no_grad():
            next_action, next_log_prob = sample(policy, next_obs, noise_next)
            x = torch.cat([next_obs, next_action], -1)
            next_q = torch.stack([targets[k](x).squeeze(-1) for k in chosen]).min(0).values
            y = reward_scale * reward + discount * (next_q - alpha * next_log_prob)
        x = torch.cat([obs, action], -1)
        q = torch.stack([c(x).squeeze(-1) for c in critics])
        critic_losses = ((q - y) ** 2).mean(1)
        critic_optimizer.zero_grad()
        critic_losses.sum().backward()
        critics_gradient = flat(critics, lambda p: p.grad)
        critic_optimizer.step()

        new_action, log_prob = sample(policy, obs, noise)
        x = torch.cat([obs, new_action], -1)
        min_q = torch.stack([c(x).squeeze(-1) for c in critics]).min(0).values
        policy_loss = (alpha * log_prob - min_q).mean()
        policy_optimizer.zero_grad()
        policy_loss.backward()
        policy_gradient = flat([policy], lambda p: p.grad)
        policy_optimizer.step()

        alpha_loss = -(log_alpha * (log_prob.detach() - ACT).mean())  # target entropy -ACT
        alpha_optimizer.zero_grad()
        alpha_loss.backward()
        alpha_optimizer.step()

        with torch.no_grad():
            for critic, target in zip(critics, targets):
                for p, t in zip(critic.parameters(), target.parameters()):
                    t.mul_(1 - tau).add_(p, alpha=tau)

        losses = [critic_losses.mean(), policy_loss, alpha_loss, alpha, -log_prob.mean(), q.mean()]
        put(f"losses{update}", [value.item() for value in losses])
        if update not in (1, UPDATES):
            continue
        put(f"critics_gradient{update}", critics_gradient)
        put(f"policy_gradient{update}", policy_gradient)
        put(f"critics{update}", flat(critics))
        put(f"policy{update}", flat([policy]))
        put(f"targets{update}", flat(targets))
        put(f"log_alpha{update}", log_alpha.detach())

    for key in ("exp_avg", "exp_avg_sq"):
        put(f"critics_{key}", torch.cat([critic_optimizer.state[p][key].reshape(-1) for p in critic_parameters]))
        put(f"policy_{key}", torch.cat([policy_optimizer.state[p][key].reshape(-1) for p in policy.parameters()]))
        put(f"alpha_{key}", alpha_optimizer.state[log_alpha][key])
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"sac_{name}.bin")
    with open(path, "wb") as file:
        file.write(b"".join(out))


if __name__ == "__main__":
    run("twin", seed=1, rows=12, critics_count=2, subset_count=2, norm=False, reward_scale=1.0, lr_critic=1e-3, lr_actor=3e-4,
        lr_alpha=2e-3, tau=0.005, wide=0.0)
    run("redq", seed=2, rows=13, critics_count=5, subset_count=2, norm=True, reward_scale=0.3, lr_critic=5e-4, lr_actor=1e-3,
        lr_alpha=1e-3, tau=0.02, wide=2.0)

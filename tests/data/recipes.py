"""Updates of recipes by PyTorch in float64, with autograd and torch.optim.Adam: what tests/unit/learner/sac/test_recipes.c compares with.

Weights, batches and noise come from splitmix64, which the C test has too, so that only results are stored.

    python tests/data/recipes.py        writes tests/data/recipe_NAME.bin of each case below

A file is records as sac.py writes them. Parameters of a network stand in this order: input norm scale, shift; layer after layer
weight (out x in), bias where there is one, norm scale, norm shift where there is a norm; the gain of RMS norm; the last layer's
weight, bias. Its running statistics: input mean, variance; layer after layer mean, variance.
"""

import math
import os
import struct

import torch
from torch import nn
from sac import Numbers

torch.set_default_dtype(torch.float64)
OBS, ACT = 5, 2
UPDATES = 20
MOMENTUM = 0.01


class BatchNorm(nn.Module):
    def __init__(self, width, epsilon, unbiased):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.mean, self.variance = torch.zeros(width), torch.ones(width)
        self.epsilon, self.unbiased = epsilon, unbiased

    def forward(self, x, training):
        mean, variance = self.mean, self.variance
        if training:
            mean, variance = x.mean(0), x.var(0, unbiased=False)
            with torch.no_grad():
                seen = variance * (len(x) / (len(x) - 1) if self.unbiased else 1)
                self.mean = (1 - MOMENTUM) * self.mean + MOMENTUM * mean
                self.variance = (1 - MOMENTUM) * self.variance + MOMENTUM * seen
        return self.weight * (x - mean) / (variance + self.epsilon).sqrt() + self.bias


class Rms(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * x / (x.square().mean(-1, keepdim=True) + 1e-8).sqrt()


class LayerNorm(nn.LayerNorm):
    def forward(self, x, training):
        return super().forward(x)


class Network(nn.Module):
    """dense: widths; residual: a number is a block, all equal."""

    def __init__(self, inputs, outputs, widths, kind, norm, rms, expansion):
        super().__init__()
        epsilon, unbiased = (1e-3, False) if kind == "dense" else (1e-5, True)
        make = {"batch": lambda width: BatchNorm(width, epsilon, unbiased), "layer": LayerNorm, "none": lambda width: None}[norm]
        self.kind = kind
        self.input_norm = make(inputs) if norm == "batch" else None
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        plan = widths if kind == "dense" else [widths[0]] + [w for width in widths for w in (expansion * width, width)]
        before = inputs
        for number, width in enumerate(plan):
            embedding = kind == "residual" and number == 0
            self.layers.append(nn.Linear(before, width, bias=norm != "batch" and kind == "dense"))
            self.norms.append(None if embedding else make(width))
            before = width
        self.rms = Rms(before) if rms else None
        self.head = nn.Linear(before, outputs)

    def forward(self, x, training):
        if self.input_norm is not None:
            x = self.input_norm(x, training)
        block = None
        for number, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            z = layer(x)
            if norm is not None:
                z = norm(z, training)
            if self.kind == "residual" and number == 0:
                x = block = z
                continue
            z = z.relu()
            if self.kind == "residual" and number % 2 == 0:
                z = block = block + z
            x = z
        if self.rms is not None:
            x = self.rms(x)
        return self.head(x)

    def ordered(self):
        """The parameters in the order of the file."""
        modules = [self.input_norm] + [m for pair in zip(self.layers, self.norms) for m in pair] + [self.rms, self.head]
        return [p for m in modules if m is not None for p in m.parameters(recurse=False)]

    def statistics(self):
        norms = [n for n in [self.input_norm, *self.norms] if isinstance(n, BatchNorm)]
        return torch.cat([v for n in norms for v in (n.mean, n.variance)]) if norms else torch.zeros(0)

    @torch.no_grad()
    def project(self):
        """Rows of weights to length 1; in residual networks (scale, shift) of a batch norm and the gain of RMS norm to sqrt(width)."""
        for layer in [*self.layers, self.head]:
            layer.weight.div_(layer.weight.norm(dim=1, keepdim=True))
        if self.kind != "residual":
            return
        for norm in [self.input_norm, *self.norms]:
            if isinstance(norm, BatchNorm):
                length = (norm.weight.square().sum() + norm.bias.square().sum()).sqrt()
                factor = math.sqrt(len(norm.weight)) / length
                norm.weight.mul_(factor), norm.bias.mul_(factor)
        if self.rms is not None:
            self.rms.weight.mul_(math.sqrt(len(self.rms.weight)) / self.rms.weight.norm())


@torch.no_grad()
def fill(net, numbers):
    for p in net.ordered():
        p.copy_(numbers.array(*p.shape) * (0.6 if p.dim() == 2 else 0.2))
    for module in net.modules():
        if isinstance(module, (BatchNorm, Rms, LayerNorm)):
            module.weight.add_(1)
        if isinstance(module, BatchNorm):
            module.mean = numbers.array(len(module.mean)) * 0.3
            module.variance = numbers.array(len(module.variance)) * 0.5 + 1


def flat(nets, what=lambda p: p):
    return torch.cat([what(p).detach().reshape(-1) for n in nets for p in n.ordered()])


def sample(head, noise, case):
    mean, x = head.chunk(2, dim=-1)
    low, high = case["log_std"]
    log_std = x.clamp(low, high) if case["log_std_form"] == "clamp" else low + 0.5 * (high - low) * (1 + x.tanh())
    u = mean + log_std.exp() * noise
    log_prob = torch.distributions.Normal(mean, log_std.exp()).log_prob(u) - 2 * (math.log(2) - u - nn.functional.softplus(-2 * u, threshold=1000))
    return torch.tanh(u), log_prob.sum(-1)


def project_atoms(atoms, p, shifted):
    """The mass p at `shifted` (rows x atoms), clipped, on the fixed atoms."""
    step = (atoms[-1] - atoms[0]) / (len(atoms) - 1)
    at = (shifted.clamp(atoms[0], atoms[-1]) - atoms[0]) / step
    lower = at.floor().clamp(max=len(atoms) - 2)
    m = torch.zeros_like(p)
    m.scatter_add_(1, lower.long(), p * (lower + 1 - at))
    m.scatter_add_(1, lower.long() + 1, p * (at - lower))
    return m


def rate(case, update):
    share, progress = case["lr_final"], min(1.0, (update - 1) / case["lr_over"])
    if case["lr_schedule"] == "linear":
        return 1 - (1 - share) * progress
    return share + (1 - share) * 0.5 * (1 + math.cos(math.pi * progress)) if case["lr_schedule"] == "cosine" else 1.0


def run(name, **case):
    numbers, out = Numbers(case["seed"]), []

    def put(key, value):
        values = torch.as_tensor(value, dtype=torch.float64).reshape(-1).tolist()
        out.append(struct.pack("<32sQ", key.encode(), len(values)) + struct.pack(f"<{len(values)}d", *values))

    rows, count, categorical = case["rows"], case["critics"], case["atoms"] > 0
    atoms = torch.linspace(case["value"][0], case["value"][1], case["atoms"]) if categorical else None
    make = lambda inputs, outputs, which: Network(inputs, outputs, case[which + "_hidden"], case["network"], case[which + "_norm"], case["rms"], case["expansion"])
    policy = make(OBS, 2 * ACT, "policy")
    critics = [make(OBS + ACT, case["atoms"] or 1, "critic") for _ in range(count)]
    targets = [make(OBS + ACT, case["atoms"] or 1, "critic") for _ in range(count)]
    for net in [policy, *critics, *targets]:
        fill(net, numbers)
        if case["unit_weights"]:
            net.project()
    log_alpha = torch.tensor(math.log(case["alpha_start"]), requires_grad=True)
    fixed = case["alpha"]
    temperature = lambda: log_alpha.detach().exp() if fixed is None else torch.tensor(fixed)
    policy_optimizer = torch.optim.Adam(policy.ordered(), lr=case["lr"])
    critic_optimizer = torch.optim.Adam([p for c in critics for p in c.ordered()], lr=case["lr"])
    alpha_optimizer = torch.optim.Adam([log_alpha], lr=case["lr"])
    joint = case["critic_norm"] == "batch"

    def value(logits):
        return (logits.softmax(-1) * atoms).sum(-1) if categorical else logits.squeeze(-1)

    def clip(parameters):
        if case["gradient_clip"]:
            length = torch.cat([p.grad.reshape(-1) for p in parameters]).norm()
            for p in parameters:
                p.grad.mul_(min(1.0, case["gradient_clip"] / length))

    def critics_half(batch):
        obs, action, reward, next_obs, discount, noise, noise_next = batch
        alpha = temperature()
        with torch.no_grad():
            next_action, next_log_prob = sample(policy(next_obs, False), noise_next, case)
            x, next_x = torch.cat([obs, action], -1), torch.cat([next_obs, next_action], -1)
            both = torch.cat([x, next_x]) if joint else None
            heads = [t(both, True)[rows:] if joint else t(next_x, True) for t in targets]
            q_next = torch.stack([value(h) for h in heads])
            smallest = q_next.min(0)
            if categorical:
                p = torch.stack([h.softmax(-1) for h in heads])[smallest.indices, torch.arange(rows)]
                goal = project_atoms(atoms, p, reward[:, None] + discount[:, None] * (atoms - alpha * next_log_prob[:, None]))
            else:
                goal = reward + discount * (smallest.values - alpha * next_log_prob)
        heads = [c(both, True)[:rows] if joint else c(x, True) for c in critics]
        if categorical:
            losses = torch.stack([-(goal * h.log_softmax(-1)).sum(-1).mean() for h in heads])
        else:
            losses = torch.stack([((h.squeeze(-1) - goal) ** 2).mean() for h in heads])
        critic_optimizer.zero_grad()
        losses.sum().backward()
        gradient = flat(critics, lambda p: p.grad)
        parameters = [p for c in critics for p in c.ordered()]
        clip(parameters)
        critic_optimizer.step()
        with torch.no_grad():
            if case["unit_weights"]:
                for c in critics:
                    c.project()
            for critic, target in zip(critics, targets):
                for p, t in zip(critic.ordered(), target.ordered()):
                    t.mul_(1 - case["tau"]).add_(p, alpha=case["tau"])
        return losses.mean(), torch.stack([value(h) for h in heads]).mean(), gradient

    def policy_half(batch):
        obs, action, reward, next_obs, discount, noise, noise_next = batch
        alpha = temperature()
        head = policy(torch.cat([obs, next_obs]), True)[:rows] if case["policy_joint"] else policy(obs, True)
        new_action, log_prob = sample(head, noise, case)
        x = torch.cat([obs, new_action], -1)
        min_q = torch.stack([value(c(x, False)) for c in critics]).min(0).values
        loss = (alpha * log_prob - min_q).mean()
        policy_optimizer.zero_grad()
        loss.backward()
        gradient = flat([policy], lambda p: p.grad)
        clip(policy.ordered())
        policy_optimizer.step()
        if case["unit_weights"]:
            policy.project()
        alpha_loss = torch.tensor(0.0)
        if fixed is None:
            alpha_loss = -(log_alpha * (log_prob.detach() + case["target_entropy"]).mean())
            alpha_optimizer.zero_grad()
            alpha_loss.backward()
            alpha_optimizer.step()
        return loss, -log_prob.mean(), alpha_loss, gradient

    for update in range(1, UPDATES + 1):
        obs = numbers.array(rows, OBS) * 2
        action = numbers.array(rows, ACT)
        reward = numbers.array(rows)
        next_obs = numbers.array(rows, OBS) * 2
        kind = [numbers.word() % 4 for _ in range(rows)]  # terminated, or 1, 2, 3 steps
        discount = torch.tensor([0.0 if k == 0 else 0.97**k for k in kind])
        batch = (obs, action, reward, next_obs, discount, numbers.array(rows, ACT) * 1.7, numbers.array(rows, ACT) * 1.7)
        for optimizer in (policy_optimizer, critic_optimizer):
            optimizer.param_groups[0]["lr"] = case["lr"] * rate(case, update)
        policy_steps = (update - 1) % case["policy_delay"] == 0
        alpha = temperature()
        result = policy_half(batch) if policy_steps and case["policy_first"] else None
        critic_loss, q_mean, critics_gradient = critics_half(batch)
        if policy_steps and not case["policy_first"]:
            result = policy_half(batch)
        put(f"critics_losses{update}", [critic_loss.item(), q_mean.item()])
        if result:
            put(f"policy_losses{update}", [result[0].item(), result[1].item(), result[2].item(), alpha.item()])
            policy_gradient = result[3]
        if update not in (1, UPDATES):
            continue
        put(f"critics_gradient{update}", critics_gradient)
        put(f"critics{update}", flat(critics))
        put(f"targets{update}", flat(targets))
        put(f"critics_statistics{update}", torch.cat([c.statistics() for c in critics]))
        put(f"targets_statistics{update}", torch.cat([t.statistics() for t in targets]))
        put(f"policy_gradient{update}", policy_gradient)
        put(f"policy{update}", flat([policy]))
        put(f"policy_statistics{update}", policy.statistics())
        put(f"log_alpha{update}", log_alpha.detach() if fixed is None else math.log(fixed) if fixed > 0 else -700)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"recipe_{name}.bin")
    with open(path, "wb") as file:
        file.write(b"".join(out))


PLAIN = dict(rows=12, critics=2, critic_hidden=[12, 10], policy_hidden=[9, 7], network="dense", expansion=4, critic_norm="none", policy_norm="none", rms=False,
             unit_weights=False, atoms=0, value=(-5, 5), tau=0.005, lr=1e-3, lr_schedule="constant", lr_final=1.0, lr_over=20.0, alpha_start=1.0, alpha=None,
             target_entropy=-ACT, log_std=(-20, 2), log_std_form="clamp", policy_delay=1, policy_first=False, policy_joint=False, gradient_clip=0.0)
if __name__ == "__main__":
    run("xqc", **{**PLAIN, **dict(seed=11, critic_norm="batch", policy_norm="batch", unit_weights=True, atoms=21, alpha_start=0.01, target_entropy=-ACT / 2,
        log_std=(-10, 2), policy_delay=3, lr_schedule="linear", lr_final=0.1)})
    run("flashsac", **{**PLAIN, **dict(seed=12, network="residual", critic_hidden=[8, 8], policy_hidden=[6, 6], critic_norm="batch", policy_norm="batch", rms=True,
        unit_weights=True, atoms=21, alpha_start=0.01, target_entropy=0.5 * ACT * math.log(2 * math.pi * math.e * 0.15**2), log_std=(-10, 2), log_std_form="tanh",
        policy_delay=2, policy_first=True, policy_joint=True, lr_schedule="cosine", lr_final=0.5, tau=0.01)})
    # Odd combinations: 3 critics, one layer, widths that are no multiple of 16, a batch that is none of a tile.
    run("odd_batch", **{**PLAIN, **dict(seed=13, rows=13, critics=3, critic_hidden=[17], policy_hidden=[19], critic_norm="batch", unit_weights=True, gradient_clip=0.5)})
    run("odd_layer", **{**PLAIN, **dict(seed=14, rows=11, critics=3, critic_hidden=[17, 5], policy_norm="batch", critic_norm="layer", atoms=7, value=(-1, 3),
        policy_first=True, policy_delay=2)})
    run("odd_residual", **{**PLAIN, **dict(seed=15, rows=10, network="residual", critic_hidden=[7], policy_hidden=[5], expansion=3, rms=True, lr_schedule="cosine",
        lr_final=0.0)})
    run("odd_fixed", **{**PLAIN, **dict(seed=16, rows=9, critics=1, critic_hidden=[33], policy_hidden=[18, 3], rms=True, unit_weights=True, atoms=5, value=(-2, 2), alpha=0.0,
        log_std=(-5, 1), log_std_form="tanh", lr_schedule="linear", lr_final=0.25, gradient_clip=0.05)})
    run("odd_mixed", **{**PLAIN, **dict(seed=17, rows=19, critics=3, network="residual", critic_hidden=[9, 9, 9], policy_hidden=[18], expansion=1, critic_norm="batch",
        unit_weights=True, alpha=0.3, policy_delay=3, policy_first=True, gradient_clip=0.1)})
    run("odd_joint", **{**PLAIN, **dict(seed=18, rows=2, critics=2, network="residual", critic_hidden=[5], policy_hidden=[6, 6], expansion=2, critic_norm="layer", rms=True,
        policy_norm="batch", policy_joint=True, atoms=3, value=(-1, 1), tau=1.0)})

"""One update of a recipe in PyTorch on the CPU, written to be fast: the rival of `corsac bench learner --recipe NAME`.

    torch_recipes.py xqc|flashsac --obs 17 --act 6 [--threads 1] [--seconds 1] [--rounds 5]
    torch_recipes.py ... --serve     a line "eager 0.5" on stdin makes it update for 0.5 s and print updates/s

The mathematics is that of tests/data/recipes.py in float32: batch norm over the joint batch [s, a ; s', a'], weights of unit
length, distributional critics, a policy that steps in one of `delay` updates, a schedule of learning rates. What PyTorch offers
against its overhead is taken, as in torch_sac.py: one gather; the library's own batch norm; the last layer on the rows that need
it; no gradient where none is needed; fused Adam; foreach. `compiled` measures torch.compile of the losses with fused Adam, and
torch.compile of the steps, too (Adam, unit weights, Polyak as one graph each), and keeps the faster. One difference: running
variances are unbiased in xqc, too.
"""
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch_sac import BETA1, BETA2, EPS, Replay, act, measure, prepare

RATE, MOMENTUM, ATOMS, LOW, HIGH, UPDATES = 3e-4, 0.01, 101, -5.0, 5.0, 100_000
LOG_STD_LOW, LOG_STD_HIGH = -10, 2


class Xqc:
    batch, residual, critic_hidden, policy_hidden, epsilon = 256, False, [512] * 4, [256] * 4, 1e-3
    tau, delay, policy_first, policy_joint = 0.005, 3, False, False

    def log_std(x):
        return x.clamp(LOG_STD_LOW, LOG_STD_HIGH)

    def schedule(progress):
        return 1 - 0.9 * progress

    def target_entropy(act_dim):
        return -0.5 * act_dim


class FlashSac:
    batch, residual, critic_hidden, policy_hidden, epsilon = 512, True, [256] * 2, [128] * 2, 1e-5
    tau, delay, policy_first, policy_joint = 0.01, 2, True, True

    def log_std(x):
        return LOG_STD_LOW + 0.5 * (LOG_STD_HIGH - LOG_STD_LOW) * (1 + x.tanh())

    def schedule(progress):
        return 0.5 + 0.25 * (1 + math.cos(math.pi * progress))

    def target_entropy(act_dim):
        return 0.5 * act_dim * math.log(2 * math.pi * math.e * 0.15**2)


class Norm(nn.Module):
    """Batch norm. training: with the batch's statistics, and the running ones move."""

    def __init__(self, width, epsilon):
        super().__init__()
        self.weight, self.bias, self.epsilon = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), epsilon
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x, training):
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, training, MOMENTUM, self.epsilon)


class Network(nn.Module):
    def __init__(self, recipe, inputs, hidden, outputs):
        super().__init__()
        self.residual = recipe.residual
        plan = [hidden[0], *(w for width in hidden for w in (4 * width, width))] if self.residual else hidden
        self.layers = nn.ModuleList(nn.Linear(i, o, bias=False) for i, o in zip([inputs, *plan], plan))
        self.norms = nn.ModuleList(Norm(width, recipe.epsilon) for width in [inputs, *plan[self.residual :]])
        self.gain = nn.Parameter(torch.ones(plan[-1])) if self.residual else None
        self.head = nn.Linear(plan[-1], outputs)
        for layer in [*self.layers, self.head]:
            nn.init.orthogonal_(layer.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x, training, rows=slice(None)):
        """Outputs of `rows` only."""
        x = self.norms[0](x, training)
        if self.residual:
            x = self.layers[0](x)
            for k in range(1, len(self.layers), 2):
                h = F.relu_(self.norms[k](self.layers[k](x), training))
                x = x + F.relu_(self.norms[k + 1](self.layers[k + 1](h), training))
            return self.head(F.rms_norm(x[rows], self.gain.shape, self.gain, 1e-8))
        for layer, norm in zip(self.layers, self.norms[1:]):
            x = F.relu_(norm(layer(x), training))
        return self.head(x[rows])

    def weights(self):
        return [layer.weight for layer in [*self.layers, self.head]]

    def project(self):
        """Rows of weights to length 1; in residual networks scale and shift of norms to sqrt(width)."""
        weights = self.weights()
        torch._foreach_div_(weights, [torch.linalg.vector_norm(w, dim=1, keepdim=True) for w in weights])
        if not self.residual:
            return
        for norm in self.norms:
            factor = (len(norm.weight) / (norm.weight.square().sum() + norm.bias.square().sum())).sqrt()
            norm.weight.mul_(factor)
            norm.bias.mul_(factor)
        self.gain.mul_(math.sqrt(len(self.gain)) / torch.linalg.vector_norm(self.gain))


class Update:
    """Losses and steps in eager mode; `compile_losses`: the losses with their backward through torch.compile."""

    def __init__(self, o, recipe, replay, compile_losses=False):
        self.recipe, self.replay, self.act_dim, self.cycle = recipe, replay, o.act, recipe.delay
        self.policy = Network(recipe, o.obs, recipe.policy_hidden, 2 * o.act)
        self.critics, self.targets = (
            nn.ModuleList(Network(recipe, o.obs + o.act, recipe.critic_hidden, ATOMS) for _ in range(2)) for _ in "ct"
        )
        self.targets.load_state_dict(self.critics.state_dict())
        self.targets.requires_grad_(False)
        self.log_alpha = torch.tensor(math.log(0.01), requires_grad=True)
        self.target_entropy = recipe.target_entropy(o.act)
        self.reward_factor = torch.tensor(0.5)
        self.atoms = torch.linspace(LOW, HIGH, ATOMS)
        self.critic_parameters, self.target_parameters = list(self.critics.parameters()), list(self.targets.parameters())
        self.policy_parameters = list(self.policy.parameters())
        self.updates = 0
        with torch.no_grad():
            for net in (self.policy, *self.critics, *self.targets):
                net.project()
        self.critic_optimizer = torch.optim.Adam(self.critic_parameters, lr=RATE, fused=True)
        groups = [{"params": self.policy_parameters}, {"params": [self.log_alpha]}]
        self.policy_optimizer = torch.optim.Adam(groups, lr=RATE, fused=True)
        if compile_losses:
            self.critic_loss, self.policy_loss = torch.compile(self.critic_loss), torch.compile(self.policy_loss)

    def noise(self):
        return torch.randn(self.recipe.batch, self.act_dim)

    def goal(self, p, shifted):
        """The mass p at `shifted`, clipped, on the fixed atoms."""
        at = (shifted.clamp(LOW, HIGH) - LOW) * ((ATOMS - 1) / (HIGH - LOW))
        lower = at.floor().clamp(max=ATOMS - 2)
        upper_mass = p * (at - lower)
        lower = lower.long()
        return torch.zeros_like(p).scatter_add_(1, lower, p - upper_mass).scatter_add_(1, lower + 1, upper_mass)

    def critic_loss(self, rows, alpha, noise):
        sa, _, s2, r, discount = self.replay.split(rows)
        batch = self.recipe.batch
        with torch.no_grad():
            a2, log_prob2 = act(self.policy(s2, False), noise, self.recipe.log_std)
            both = torch.cat([sa, torch.cat([s2, a2], 1)])
            p0, p1 = (target(both, True, slice(batch, None)).softmax(1) for target in self.targets)
            p = torch.where((p0 @ self.atoms <= p1 @ self.atoms)[:, None], p0, p1)
            r = r * self.reward_factor
            goal = self.goal(p, r[:, None] + discount[:, None] * (self.atoms - (alpha * log_prob2)[:, None]))
        return sum(-(goal * critic(both, True, slice(batch)).log_softmax(1)).sum(1).mean() for critic in self.critics)

    def policy_loss(self, rows, alpha, noise):
        _, s, s2, _, _ = self.replay.split(rows)
        seen, of_s = (torch.cat([s, s2]), slice(self.recipe.batch)) if self.recipe.policy_joint else (s, slice(None))
        a, log_prob = act(self.policy(seen, True, of_s), noise, self.recipe.log_std)
        sa = torch.cat([s, a], 1)
        q0, q1 = (critic(sa, False).softmax(1) @ self.atoms for critic in self.critics)
        loss_alpha = -self.log_alpha * (log_prob.detach().mean() + self.target_entropy)
        return (alpha * log_prob - torch.minimum(q0, q1)).mean() + loss_alpha

    def track(self):
        """What follows Adam's step of the critics."""
        for critic in self.critics:
            critic.project()
        torch._foreach_lerp_(self.target_parameters, self.critic_parameters, self.recipe.tau)

    def critics_step(self, rate):
        self.critic_optimizer.param_groups[0]["lr"] = rate
        self.critic_optimizer.step()
        with torch.no_grad():
            self.track()

    def policy_step(self, rate):
        self.policy_optimizer.param_groups[0]["lr"] = rate
        self.policy_optimizer.step()
        with torch.no_grad():
            self.policy.project()

    def critics_half(self, rows, rate):
        alpha = self.log_alpha.detach().exp()
        self.critic_optimizer.zero_grad()
        self.critic_loss(rows, alpha, self.noise()).backward()
        self.critics_step(rate)

    def policy_half(self, rows, rate):
        alpha = self.log_alpha.detach().exp()
        # Not through the critics' weights: their gradient is not wanted here.
        for p in self.critic_parameters:
            p.requires_grad_(False)
        self.policy_optimizer.zero_grad()
        self.policy_loss(rows, alpha, self.noise()).backward()
        for p in self.critic_parameters:
            p.requires_grad_(True)
        self.policy_step(rate)

    def update(self):
        rows = self.replay.sample(self.recipe.batch)
        rate = RATE * self.recipe.schedule(min(1, self.updates / UPDATES))
        policy_steps = self.updates % self.recipe.delay == 0
        if policy_steps and self.recipe.policy_first:
            self.policy_half(rows, rate)
        self.critics_half(rows, rate)
        if policy_steps and not self.recipe.policy_first:
            self.policy_half(rows, rate)
        self.updates += 1


class CompiledSteps(Update):
    """Adam with what follows it as a compiled graph, too: one for the critics, one for the policy."""

    def __init__(self, o, recipe, replay):
        super().__init__(o, recipe, replay, True)
        self.policy_parameters.append(self.log_alpha)
        self.moments = [[torch.zeros_like(p) for p in ps] for ps in (self.critic_parameters, self.policy_parameters) for _ in "mv"]
        self.steps = [torch.zeros(()), torch.zeros(())]
        self.rate = torch.tensor(RATE)
        self.critics_graph, self.policy_graph = torch.compile(self.critics_whole), torch.compile(self.policy_whole)

    def adam(self, parameters, step, m, v):
        step.add_(1)
        scale, root = 1 / (1 - BETA1**step), (1 - BETA2**step).rsqrt()
        for p, m_, v_ in zip(parameters, m, v):
            m_.lerp_(p.grad, 1 - BETA1)
            v_.mul_(BETA2).addcmul_(p.grad, p.grad, value=1 - BETA2)
            p.sub_((RATE if p is self.log_alpha else self.rate) * scale * m_ / (v_.sqrt() * root + EPS))

    def critics_whole(self):
        self.adam(self.critic_parameters, self.steps[0], *self.moments[:2])
        self.track()

    def policy_whole(self):
        self.adam(self.policy_parameters, self.steps[1], *self.moments[2:])
        self.policy.project()

    def critics_step(self, rate):
        self.rate.fill_(rate)
        with torch.no_grad():
            self.critics_graph()

    def policy_step(self, rate):
        self.rate.fill_(rate)
        with torch.no_grad():
            self.policy_graph()


RECIPES = {"xqc": Xqc, "flashsac": FlashSac}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=RECIPES)
    for name, value in (("obs", 17), ("act", 6), ("capacity", 1_000_000), ("threads", 1), ("rounds", 5)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--no-compile", action="store_true")
    return parser.parse_args()


def main():
    o = arguments()
    prepare(o.threads)
    replay, recipe = Replay(o.obs, o.act, o.capacity), RECIPES[o.recipe]
    makers = {"eager": [("eager", lambda: Update(o, recipe, replay))]}
    if not o.no_compile:
        makers["compiled"] = [("compiled losses, fused Adam", lambda: Update(o, recipe, replay, True)),
                              ("compiled losses and steps", lambda: CompiledSteps(o, recipe, replay))]
    measure(makers, o)


if __name__ == "__main__":
    main()

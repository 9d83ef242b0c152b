"""One SAC update in PyTorch on the CPU, written to be fast: the rival of `corsac bench learner`.

    torch_sac.py --obs 17 --act 6 --hidden 256,256 --batch 256 [--threads 1] [--seconds 1] [--rounds 5]
    torch_sac.py ... --serve     a line "eager 0.5" on stdin makes it update for 0.5 s and print updates/s

The same work as corsac's: a batch of random rows out of --capacity, twin critics with targets, the squashed Gaussian's
log-probability without overflow, Adam, Polyak, a learned temperature. What PyTorch offers against its overhead is taken:
one packed replay and one index_select; fused Adam; temperature and policy in one optimizer; no gradient where none is needed;
torch._foreach_lerp_. `eager` measures critics as separate nn.Linear and as batched products and keeps the faster; `compiled`
measures torch.compile of the losses and torch.compile of the whole update (torch.func), and keeps the faster.
"""
import argparse
import gc
import json
import math
import sys
import time

import torch
import torch._inductor.config
import torch.nn as nn
import torch.nn.functional as F

GAMMA, TAU, RATE, BETA1, BETA2, EPS = 0.99, 0.005, 3e-4, 0.9, 0.999, 1e-8


class Mlp(nn.Module):
    """Hidden layers with ReLU, then a linear one."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        widths = [inputs, *hidden, outputs]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class SeparateCritics(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.critics = nn.ModuleList(Mlp(inputs, hidden, 1) for _ in range(2))

    def forward(self, x):  # (batch x inputs) -> (2 x batch)
        return torch.stack([critic(x).squeeze(1) for critic in self.critics])


class BatchedCritics(nn.Module):
    """Both critics in one batched product a layer."""

    def __init__(self, inputs, hidden):
        super().__init__()
        widths = [inputs, *hidden, 1]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, o in zip(widths, widths[1:]):
            self.weights.append(nn.Parameter((torch.rand(2, i, o) * 2 - 1) / math.sqrt(i)))
            self.biases.append(nn.Parameter((torch.rand(2, 1, o) * 2 - 1) / math.sqrt(i)))

    def forward(self, x):
        x = x.expand(2, *x.shape)
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = torch.baddbmm(bias, x, weight)
            if k < last:
                x = F.relu(x)
        return x.squeeze(2)


def act(heads, noise, bounded=lambda log_std: log_std.clamp(-20, 2)):
    """Action and its log-probability from (batch x 2 act) and (batch x act)."""
    mean, log_std = heads.chunk(2, 1)
    log_std = bounded(log_std)
    u = mean + log_std.exp() * noise
    log_prob = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi) - 2 * (math.log(2) - u - F.softplus(-2 * u))
    return torch.tanh(u), log_prob.sum(1)


class Replay:
    """Rows of (s, a, s', r, discount), so that (s, a) is one view of what is gathered."""

    def __init__(self, obs, act_dim, capacity):
        self.data = torch.empty(capacity, 2 * obs + act_dim + 2).uniform_(-1, 1)
        self.data[:, -1] = GAMMA
        self.obs, self.act_dim = obs, act_dim

    def sample(self, batch):
        return self.data.index_select(0, torch.randint(self.data.shape[0], (batch,)))

    def split(self, rows):  # (s, a), s, s', r, discount
        s, sa = self.obs, self.obs + self.act_dim
        return rows[:, :sa], rows[:, :s], rows[:, sa:-2], rows[:, -2], rows[:, -1]


class Sac:
    """Losses and an update in eager mode; `compile_losses`: the losses with their backward through torch.compile."""

    def __init__(self, o, replay, critics, compile_losses=False):
        self.o, self.replay = o, replay
        self.policy = Mlp(o.obs, o.hidden, 2 * o.act)
        self.critics, self.targets = critics(o.obs + o.act, o.hidden), critics(o.obs + o.act, o.hidden)
        self.targets.load_state_dict(self.critics.state_dict())
        self.targets.requires_grad_(False)
        self.log_alpha = torch.zeros((), requires_grad=True)
        self.critic_parameters, self.target_parameters = list(self.critics.parameters()), list(self.targets.parameters())
        self.policy_parameters = [*self.policy.parameters(), self.log_alpha]
        self.critic_optimizer = torch.optim.Adam(self.critic_parameters, lr=RATE, fused=True)
        self.policy_optimizer = torch.optim.Adam(self.policy_parameters, lr=RATE, fused=True)
        if compile_losses:
            self.critic_loss, self.policy_loss = torch.compile(self.critic_loss), torch.compile(self.policy_loss)

    def noise(self):
        return torch.randn(self.o.batch, self.o.act)

    def critic_loss(self, rows, alpha, noise):
        sa, _, s2, r, discount = self.replay.split(rows)
        with torch.no_grad():
            a2, log_prob2 = act(self.policy(s2), noise)
            q2 = self.targets(torch.cat([s2, a2], 1)).amin(0)
            y = r + discount * (q2 - alpha * log_prob2)
        return (self.critics(sa) - y).square().mean(1).sum()

    def policy_loss(self, rows, alpha, noise):
        _, s, _, _, _ = self.replay.split(rows)
        a, log_prob = act(self.policy(s), noise)
        q = self.critics(torch.cat([s, a], 1)).amin(0)
        loss_alpha = -self.log_alpha * (log_prob.detach().mean() - self.o.act)
        return (alpha * log_prob - q).mean() + loss_alpha

    def update(self):
        rows, alpha = self.replay.sample(self.o.batch), self.log_alpha.detach().exp()
        self.critic_optimizer.zero_grad()
        self.critic_loss(rows, alpha, self.noise()).backward()
        self.critic_optimizer.step()
        # Not through the critics' weights: their gradient is not wanted here.
        for p in self.critic_parameters:
            p.requires_grad_(False)
        self.policy_optimizer.zero_grad()
        self.policy_loss(rows, alpha, self.noise()).backward()
        for p in self.critic_parameters:
            p.requires_grad_(True)
        self.policy_optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.target_parameters, self.critic_parameters, TAU)


class WholeSac(Sac):
    """The whole update, gradients, Adam and Polyak included, in one compiled graph."""

    def __init__(self, o, replay, critics):
        super().__init__(o, replay, critics)
        self.moments = [[torch.zeros_like(p) for p in ps] for ps in (self.critic_parameters, self.policy_parameters) for _ in "mv"]
        self.step = torch.zeros(())
        for p in (*self.critic_parameters, *self.policy_parameters):
            p.requires_grad_(False)
        self.graph = torch.compile(self.whole, fullgraph=True)

    def adam(self, parameters, gradients, m, v):
        scale, root = RATE / (1 - BETA1**self.step), (1 - BETA2**self.step).rsqrt()
        for p, g, m_, v_ in zip(parameters, gradients, m, v):
            m_.lerp_(g, 1 - BETA1)
            v_.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
            p.sub_(scale * m_ / (v_.sqrt() * root + EPS))

    def whole(self, rows):
        alpha = self.log_alpha.exp()
        call = torch.func.functional_call
        sa, s, s2, r, discount = self.replay.split(rows)
        a2, log_prob2 = act(self.policy(s2), self.noise())
        y = r + discount * (self.targets(torch.cat([s2, a2], 1)).amin(0) - alpha * log_prob2)
        noise = self.noise()

        def critic_loss(p):
            return (call(self.critics, p, (sa,)) - y).square().mean(1).sum()

        def policy_loss(p):
            a, log_prob = act(call(self.policy, p, (s,)), noise)
            return (alpha * log_prob - self.critics(torch.cat([s, a], 1)).amin(0)).mean(), log_prob

        self.step.add_(1)
        gradients = torch.func.grad(critic_loss)(dict(self.critics.named_parameters()))
        self.adam(self.critic_parameters, gradients.values(), *self.moments[:2])
        gradients, log_prob = torch.func.grad(policy_loss, has_aux=True)(dict(self.policy.named_parameters()))
        gradients = [*gradients.values(), self.o.act - log_prob.mean()]
        self.adam(self.policy_parameters, gradients, *self.moments[2:])
        for t, p in zip(self.target_parameters, self.critic_parameters):
            t.lerp_(p, TAU)

    def update(self):
        with torch.no_grad():
            self.graph(self.replay.sample(self.o.batch))


def say(*words):
    print(f"{sys.argv[0].rsplit('/', 1)[-1]}:", *words, file=sys.stderr, flush=True)


def rate(sac, seconds):
    """Updates per second over about that time. A way that has a `cycle` of different updates makes whole ones."""
    done, start, cycle = 0, time.perf_counter(), getattr(sac, "cycle", 1)
    while True:
        for _ in range(cycle):
            sac.update()
        done += cycle
        took = time.perf_counter() - start
        if took >= seconds:
            return done / took


def fastest(makers):
    """The fastest of several ways of the same work, in turn; one that PyTorch cannot compile is said and left out."""
    ways, speeds = {}, {}
    for name, make in makers:
        try:
            sac = make()
            rate(sac, 0.5)  # warms up, compiles
        except Exception as error:  # the compiler's errors are of many kinds
            say(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:150]}")
        else:
            ways[name], speeds[name] = sac, 0
    for _ in range(8):
        for name, sac in ways.items():
            speeds[name] = max(speeds[name], rate(sac, 0.25))
    say(", ".join(f"{name} {speed:.1f}" for name, speed in speeds.items()), "updates/s")
    best = max(speeds, key=speeds.get, default=None)
    return best, ways.get(best)


def measure(makers, o):
    """Takes the fastest way of each kind, and measures it: o.rounds of them, or whenever stdin asks."""
    ways, names = {}, {}
    for kind, of_kind in makers.items():
        name, way = fastest(of_kind)
        if way:
            names[kind], ways[kind] = name, way
    gc.collect()
    gc.freeze()  # what the compiler left behind need not be looked at again and again
    print(json.dumps({"torch": torch.__version__, "ways": names}), flush=True)
    if o.serve:
        for line in sys.stdin:
            kind, seconds = line.split()
            rate(ways[kind], 0.2 * float(seconds))  # caches that others have had meanwhile
            print(rate(ways[kind], float(seconds)), flush=True)
        return
    for _ in range(o.rounds):
        print("  ".join(f"{kind} {rate(sac, o.seconds):.1f}" for kind, sac in ways.items()), "updates/s", flush=True)


def prepare(threads):
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch._inductor.config.cpp_wrapper = True  # less Python around small products


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("obs", 17), ("act", 6), ("batch", 256), ("capacity", 1_000_000), ("threads", 1), ("rounds", 5)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--hidden", type=lambda text: [int(n) for n in text.split(",")], default=[256, 256])
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--no-compile", action="store_true")
    return parser.parse_args()


def main():
    o = arguments()
    prepare(o.threads)
    replay = Replay(o.obs, o.act, o.capacity)

    makers = {"eager": [("eager, separate critics", lambda: Sac(o, replay, SeparateCritics)),
                        ("eager, batched critics", lambda: Sac(o, replay, BatchedCritics))]}
    if not o.no_compile:
        makers["compiled"] = [("compiled losses, separate critics", lambda: Sac(o, replay, SeparateCritics, True)),
                              ("compiled losses, batched critics", lambda: Sac(o, replay, BatchedCritics, True)),
                              ("compiled whole, separate critics", lambda: WholeSac(o, replay, SeparateCritics)),
                              ("compiled whole, batched critics", lambda: WholeSac(o, replay, BatchedCritics))]
    measure(makers, o)


if __name__ == "__main__":
    main()

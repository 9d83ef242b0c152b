"""The squashed Gaussian's action, log-probability and derivatives with 50 digits (mpmath), compared here with PyTorch's autograd in
float64: what tests/unit/common/nn/test_squashed_gaussian.c compares with.

    python tests/data/squashed_gaussian.py        writes tests/data/squashed_gaussian.bin

A file is records of name (32 bytes, padded with 0), count (uint64), values (count float64), little-endian.
Inputs are float32 numbers, so that the program gets the same ones in float and in double.
"""

import math
import os
import struct

import numpy as np
import torch
from mpmath import mp, mpf

mp.dps = 50
LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0


def f32(x):
    return float(np.float32(x))


def log_sech2(u):
    return -2 * mp.log(mp.cosh(u))


def clamp(log_std):
    return min(max(mpf(log_std), mpf(LOG_STD_MIN)), mpf(LOG_STD_MAX))


def action(mean, log_std, eps):
    return mp.tanh(mean + mp.exp(log_std) * eps)


def log_probability(mean, log_std, eps):
    u = mean + mp.exp(log_std) * eps
    return -mpf(eps) ** 2 / 2 - log_std - mp.log(2 * mp.pi) / 2 - log_sech2(u)


def derivatives(function, mean, log_std, eps):
    """By mean and by log_std, numerically: no formula of the program's is used."""
    l = clamp(log_std)
    inside = LOG_STD_MIN <= log_std <= LOG_STD_MAX
    d_mean = mp.diff(lambda m: function(m, l, mpf(eps)), mpf(mean))
    d_log_std = mp.diff(lambda x: function(mpf(mean), x, mpf(eps)), l) if inside else mpf(0)
    return d_mean, d_log_std


def cases():
    rng = np.random.default_rng(1)
    above, below = np.nextafter(np.float32(2), np.float32(3)), np.nextafter(np.float32(-20), np.float32(-21))
    spreads = [-25, float(below), -20, -19.5, -10, -5, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, float(above), 2.5, 30]
    centers = [0, 1e-30, 1e-8, 1e-3, 0.1, 0.5, 1, 2, 5, 8.5, 9.5, 13, 18, 20, 25, 33, 40]
    out = [(f32(s * m), -4.0, f32(e)) for m in centers for s in (1, -1) for e in (0, 0.01, -1.5)]
    for l in spreads:
        for _ in range(6):
            width = math.exp(min(max(l, LOG_STD_MIN), LOG_STD_MAX))
            eps = f32(rng.normal())
            u = rng.uniform(-40, 40)
            out.append((f32(u - width * eps), f32(l), eps))  # |u| up to 40, far from the mean or near
        out.append((f32(rng.normal()), f32(l), f32(rng.normal())))
        out.append((0.0, f32(l), f32(rng.normal())))
    while len(out) % 21:  # rows of 3 and of 7
        out.append((f32(rng.uniform(-40, 40)), f32(rng.uniform(-3, 1)), f32(rng.normal())))
    assert max(abs(m + math.exp(min(max(l, -20), 2)) * e) for m, l, e in out) < 41
    return out


def compare_with_torch(inputs, expected):
    mean, log_std, eps = (torch.tensor([c[i] for c in inputs], dtype=torch.float64) for i in range(3))
    mean.requires_grad_(), log_std.requires_grad_()
    l = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
    u = mean + l.exp() * eps
    a = torch.tanh(u)
    softplus = torch.nn.functional.softplus(-2 * u.abs(), threshold=1000)
    log_prob = -0.5 * eps**2 - l - 0.5 * math.log(2 * math.pi) - 2 * (math.log(2) - u.abs() - softplus)
    found = [a, log_prob, *torch.autograd.grad(a.sum(), (mean, log_std), retain_graph=True),
             *torch.autograd.grad(log_prob.sum(), (mean, log_std))]
    for key, values in zip(expected, found):
        for i, (x, y) in enumerate(zip(expected[key], values.tolist())):
            # On the clamp's bounds the program lets the gradient through; PyTorch 2.15 does not.
            if key.endswith("d_log_std") and inputs[i][1] in (LOG_STD_MIN, LOG_STD_MAX):
                continue
            assert abs(x - y) <= 1e-12 * max(1, abs(x)), (key, inputs[i], float(x), y)


out = []


def put(key, values):
    values = [float(v) for v in values]
    out.append(struct.pack("<32sQ", key.encode(), len(values)) + struct.pack(f"<{len(values)}d", *values))


us = [0.0, -0.0, 1e-38, 1e-30, 1e-12, 1e-8, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.17, 0.2, 0.35, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 8.7, 9.2,
      10, 12, 15, 17, 18.5, 19.1, 20, 25, 30, 35, 39.5, 40, 80, 300, 353, 355, 700, 1e4, 1e6, 1e30]
us = [f32(s * u) for u in us for s in (1, -1)]
put("u", us)
put("log_sech2", [log_sech2(mpf(u)) if abs(u) < 1e5 else 2 * mp.log(2) - 2 * abs(mpf(u)) for u in us])

inputs = cases()
columns = [[], [], [], [], [], []]
for mean, log_std, eps in inputs:
    l = clamp(log_std)
    row = [action(mpf(mean), l, mpf(eps)), log_probability(mpf(mean), l, mpf(eps)), *derivatives(action, mean, log_std, eps),
           *derivatives(log_probability, mean, log_std, eps)]
    for column, value in zip(columns, row):
        column.append(value)
keys = ["action", "log_probability", "action_d_mean", "action_d_log_std", "log_probability_d_mean", "log_probability_d_log_std"]
expected = dict(zip(keys, columns))
compare_with_torch(inputs, expected)
put("size", [len(inputs)])
for i, key in enumerate(["mean", "log_std", "eps"]):
    put(key, [c[i] for c in inputs])
for key, values in expected.items():
    put(key, values)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "squashed_gaussian.bin")
with open(path, "wb") as file:
    file.write(b"".join(out))
print(f"{len(inputs)} cases, {len(us)} arguments of log_sech2; PyTorch agrees")

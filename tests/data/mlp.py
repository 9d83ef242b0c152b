"""Multilayer perceptrons and their gradients by PyTorch in float64: what tests/unit/common/nn/test_mlp.c compares with.

Weights, inputs and output gradients come from the generator below, which the C test has too (tests/support/reference.h), so that only
results are stored.

    python tests/data/mlp.py        writes tests/data/mlp.bin

A file is records of name (32 bytes, padded with 0), count (uint64), values (count float64), little-endian.
Gradients stand as the program keeps parameters: layer after layer weight (out x in), bias, norm scale, norm shift.
"""

import math
import os
import struct

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
SHAPES = [(5, (), 3), (4, (7,), 1), (6, (16, 12, 9), 4), (5, (33, 20), 4)]  # inputs, hidden, outputs
ROWS = [1, 3, 17]


class Numbers:
    """splitmix64; uniform() in [-1, 1)."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return ((z ^ (z >> 31)) >> 11) * 2.0**-52 - 1.0

    def array(self, *shape):
        return torch.tensor([self.uniform() for _ in range(math.prod(shape))]).reshape(shape)


def network(inputs, hidden, outputs, norm, numbers):
    layers = []
    for width in hidden:
        layers += [nn.Linear(inputs, width)] + ([nn.LayerNorm(width)] if norm else []) + [nn.ReLU()]
        inputs = width
    net = nn.Sequential(*layers, nn.Linear(inputs, outputs))
    with torch.no_grad():
        for module in net:
            if isinstance(module, nn.Linear):
                module.weight.copy_(numbers.array(*module.weight.shape) * 0.6)
                module.bias.copy_(numbers.array(*module.bias.shape) * 0.2)
            elif isinstance(module, nn.LayerNorm):
                module.weight.copy_(numbers.array(*module.weight.shape) * 0.3 + 1.0)
                module.bias.copy_(numbers.array(*module.bias.shape) * 0.2)
    return net


out, seed = [], 0
for inputs, hidden, outputs in SHAPES:
    for norm in (False, True):
        for rows in ROWS:
            seed += 1
            numbers = Numbers(seed)
            net = network(inputs, hidden, outputs, norm, numbers)
            x = (numbers.array(rows, inputs) * 2).requires_grad_()
            dy = numbers.array(rows, outputs)
            y = net(x)
            (y * dy).sum().backward()
            gradient = torch.cat([p.grad.reshape(-1) for p in net.parameters()])
            for key, value in (("y", y), ("gradient", gradient), ("dx", x.grad)):
                values = value.detach().reshape(-1).tolist()
                out.append(struct.pack("<32sQ", f"{key}{seed}".encode(), len(values)) + struct.pack(f"<{len(values)}d", *values))
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mlp.bin")
with open(path, "wb") as file:
    file.write(b"".join(out))

"""The categorical head with 50 digits (mpmath): what tests/unit/learner/sac/test_categorical.c compares with.

    python tests/data/categorical.py        writes tests/data/categorical.bin

For each head k: "head<k>" atoms, low, high, rows; "in<k>" of each row reward, discount, bonus; "logits<k>" (rows x atoms);
"q<k>" (rows); "m<k>" (rows x atoms), the target of the row's logits; "loss<k>" (rows) of the row's logits against the target of
the next row's; "dq<k>" (rows x atoms) = dQ/dlogits. Logits are float32 numbers, the rest are multiples of 2^-10, so that the
program gets the same ones in float and in double.
"""

import os
import struct

import numpy as np
from mpmath import mp, mpf

mp.dps = 50
HEADS = [(21, -5, 5), (101, -5, 5), (7, -1, 3), (2, 0, 1)]
# reward, discount, bonus: inside, cut at the top, at the bottom, all beyond an end, terminated between atoms and on one, on the
# last and beyond it, wider than the head, upside down of what is usual: a bonus below 0
ROWS = [(0.25, 0.9375, 0.125), (3.5, 0.9375, -1.25), (-4.25, 0.96875, 2), (100, 0.9375, 0), (-100, 0.9375, 0), (0.3125, 0, 7),
        (0.5, 0, 7), (5, 0, 0), (6, 0, 0), (-5, 0, 0), (0, 1, 0), (0, 1, -0.375), (0.125, 1, 0.5), (1e6, 0.5, -1e6)]
rng = np.random.default_rng(11)


def softmax(logits):
    most = max(logits)
    powers = [mp.exp(x - most) for x in logits]
    return [x / mp.fsum(powers) for x in powers]


def target(z, p, reward, discount, bonus):
    """Each piece of mass goes to the atoms beside it, by a tent of one spacing around each atom: another way than by floor."""
    step, m = z[1] - z[0], []
    at = [min(max(reward + discount * (x - bonus), z[0]), z[-1]) for x in z]
    for x in z:
        m.append(mp.fsum(q * max(mpf(0), 1 - abs(a - x) / step) for q, a in zip(p, at)))
    assert abs(mp.fsum(m) - 1) < mpf(10) ** -45
    return m


out = []
for k, (atoms, low, high) in enumerate(HEADS):
    z = [mpf(low) + (mpf(high) - low) * j / (atoms - 1) for j in range(atoms)]
    logits = [[mpf(float(x)) for x in np.float32(rng.normal(0, size, atoms))] for size in np.linspace(0.5, 12, len(ROWS))]
    p = [softmax(row) for row in logits]
    m = [target(z, p[r], *(mpf(x) for x in row)) for r, row in enumerate(ROWS)]
    q = [mp.fsum(a * b for a, b in zip(z, row)) for row in p]
    loss = [-mp.fsum(a * mp.log(b) for a, b in zip(m[(r + 1) % len(ROWS)], row)) for r, row in enumerate(p)]
    dq = [b * (a - q[r]) for r, row in enumerate(p) for a, b in zip(z, row)]
    out += [(f"head{k}", [atoms, low, high, len(ROWS)]), (f"in{k}", [x for row in ROWS for x in row]),
            (f"logits{k}", [x for row in logits for x in row]), (f"q{k}", q), (f"m{k}", [x for row in m for x in row]),
            (f"loss{k}", loss), (f"dq{k}", dq)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "categorical.bin"), "wb") as f:
    for key, values in out:
        f.write(struct.pack("<32sQ", key.encode(), len(values)) + struct.pack(f"<{len(values)}d", *map(float, values)))

"""exp(x) and exp(x) - 1 with 50 digits (mpmath): what tests/unit/common/nn/test_exponential.c compares with.

    python tests/data/exponential.py        writes tests/data/exponential.bin

A file is records of name (32 bytes, padded with 0), count (uint64), values (count float64), little-endian.
"""

import math
import os
import random
import struct

from mpmath import mp, mpf

mp.dps = 50
rng = random.Random(1)

xs = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1e-300, 1e-30, 2.0**-53, 2.0**-52, 1e-8, 1e-4, 0.01, 0.1, 0.5, 1, 2, 9, 10, 20, 37, 100]
xs += [s * x for x in xs[2:] for s in (-1,)]
xs += [708.0, -708.0, 707.9999999999, -707.9999999999]
# Where k of exp(x) = 2^k exp(r) changes, and where r is all but 0.
for k in [*range(-12, 13), -1021, -1000, -500, -100, 100, 500, 1000, 1020]:
    for middle in (k * math.log(2), (k + 0.5) * math.log(2)):
        xs += [middle, math.nextafter(middle, math.inf), math.nextafter(middle, -math.inf)]
for low, high in ((-708, 708), (-20, 2), (-1, 1), (-0.35, 0.35)):
    xs += [rng.uniform(low, high) for _ in range(60)]
xs += [s * 10.0 ** rng.uniform(-20, 0) for s in (1, -1) for _ in range(30)]
assert all(abs(x) <= 708 for x in xs)

out = []
for key, values in (("x", xs), ("exp", [mp.exp(mpf(x)) for x in xs]), ("expm1", [mp.expm1(mpf(x)) for x in xs])):
    values = [float(v) for v in values]
    out.append(struct.pack("<32sQ", key.encode(), len(values)) + struct.pack(f"<{len(values)}d", *values))
out.insert(0, struct.pack("<32sQd", b"size", 1, len(xs)))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "exponential.bin"), "wb") as f:
    f.write(b"".join(out))
print(len(xs), "values")

#!/usr/bin/env python3
"""A damped oscillator to be brought to rest by a force, in a Python program with its own main loop.

PYTHONPATH=build/share/corsac/python corsac train --env 'exec:python3 oscillator.py'
"""
import struct

import corsac_sim

DT, STIFFNESS, DAMPING = 0.05, 1.0, 0.1
x = v = 0.0


# Optional: with these a resumed run goes on in the middle of an episode. The state is all that the next steps depend on.
def save():
    return struct.pack("2d", x, v)


def load(state):
    global x, v
    x, v = struct.unpack("2d", state)


with corsac_sim.Sim("oscillator", obs_dim=2, action_low=[-1], action_high=[1], max_episode_steps=100, info_names=["energy"],
                    save=save, load=load) as sim:
    while sim.wanted:  # an episode
        x, v = (sim.seed >> 11) * 2.0**-52 - 1, 0.0
        (force,) = sim.begin([x, v])
        while sim.acting:  # a step
            for _ in range(4):
                v += DT / 4 * (force - STIFFNESS * x - DAMPING * v)
                x += DT / 4 * v
            energy = (v * v + STIFFNESS * x * x) / 2
            sim.info([energy])
            (force,) = sim.step([x, v], -energy - 0.01 * force * force, terminated=energy > 10)

#!/usr/bin/env python3
"""Couples the solver beside it, rod, to corsac by files: a run of the solver is a step.

PYTHONPATH=build/share/corsac/python corsac train --env 'exec:python3 rod.py'
"""
import os
import subprocess
import tempfile
import corsac_sim

SECONDS = 60  # that a run may take; then `timeout` ends mpirun, which ends its ranks
# Each mpirun knows of its own ranks only. So they are not bound to cores, since all would take the first ones, and a rank that waits for another
# gives its core away.
COMMAND = ["timeout", "-k", "5", str(SECONDS), "mpirun", "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1", "-n", "2",
           os.path.join(os.path.dirname(os.path.abspath(__file__)), "rod")]
INTERVAL = 0.02  # of the rod's time, between two actions


def write(path, text):
    """A reader finds the old file or the new one, never half of it."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def solve(directory, power):
    """Runs the solver for an interval, and returns the four temperatures. Raises where it fails."""
    result = os.path.join(directory, "result.dat")
    if os.path.exists(result):
        os.remove(result)  # a solver that dies must not leave that of the step before
    write(os.path.join(directory, "control.dat"), "%.9g %.9g %g\n" % (*power, INTERVAL))
    status = subprocess.run(COMMAND, cwd=directory, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        raise RuntimeError("the solver took more than %d s" % SECONDS if status == 124 else "the solver ended with status %d" % status)
    with open(result) as file:
        return [float(word) for word in file.read().split()]


# A directory for this instance, removed at the end. Its name tells which instance it is.
INSTANCE = ("evaluation-" if os.environ.get("CORSAC_EVALUATION") == "1" else "") + os.environ.get("CORSAC_INDEX", "alone")
with tempfile.TemporaryDirectory(prefix="rod-%s-" % INSTANCE) as directory, \
     corsac_sim.Sim("rod", obs_dim=5, action_low=[0, 0], action_high=[1, 1], max_episode_steps=20) as sim:
    while sim.wanted:  # an episode: a cold rod, and the temperature that it has to get
        target = 0.3 + 0.4 * (sim.seed >> 11) * 2.0**-53
        if os.path.exists(os.path.join(directory, "state.dat")):
            os.remove(os.path.join(directory, "state.dat"))
        action = sim.begin([0, 0, 0, 0, target])
        while sim.acting:  # a step; an exception tells corsac why it fails, and costs the episode
            temperatures = solve(directory, action)
            error = sum((temperature - target) ** 2 for temperature in temperatures)
            action = sim.step(temperatures + [target], -error)

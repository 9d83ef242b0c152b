#!/usr/bin/env python3
"""Drives tests/support/fmus/spring{2,3}.fmu with fmpy (pip install fmpy) and prints what tests/unit/actor/fmi/test_fmi_env.c
has to get from them, bit for bit: python3 fmu_trajectories.py build/release/fmus >fmu_trajectories.txt

A line for the start of an episode and for each step: version, step, x, v, count, far, reward of the FMU, in hexadecimal.
The parameters are x0 = 0.25, mass = 0.5. Two calls of doStep make a step of 0.05.
"""
import sys
import tempfile

import numpy
from fmpy import extract, read_model_description
from fmpy.fmi2 import FMU2Slave
from fmpy.fmi3 import FMU3Slave

STEPS, SIZE, SUBSTEPS = 30, 0.05, 2


def action(step):
    """The same numbers as in the test: exact in float."""
    return float(numpy.float32((7 * step) % 11 / 4 - 0.5)), 1 + step % 3


def play(path, version):
    description = read_model_description(path)
    reference = {v.name: v.valueReference for v in description.modelVariables}
    arguments = dict(guid=description.guid, unzipDirectory=extract(path, tempfile.mkdtemp()),
                     modelIdentifier=description.coSimulation.modelIdentifier, instanceName="spring")
    if version == 2:
        fmu = FMU2Slave(**arguments)
        fmu.instantiate()
        fmu.setupExperiment(startTime=0, stopTime=2)
        get_real, set_real, get_integer, get_boolean, set_gear = (
            fmu.getReal, fmu.setReal, fmu.getInteger, fmu.getBoolean, fmu.setInteger)
    else:
        fmu = FMU3Slave(**arguments)
        fmu.instantiate()
        get_real, set_real, get_integer, get_boolean, set_gear = (
            fmu.getFloat64, fmu.setFloat64, fmu.getInt32, fmu.getBoolean, fmu.setUInt8)
    set_real([reference["x0"], reference["mass"]], [0.25, 0.5])
    if version == 2:
        fmu.enterInitializationMode()
    else:
        fmu.enterInitializationMode(startTime=0, stopTime=2)
    fmu.exitInitializationMode()
    show(version, 0, reference, get_real, get_integer, get_boolean)
    for step in range(1, STEPS + 1):
        force, gear = action(step)
        set_real([reference["force"]], [force])
        set_gear([reference["gear"]], [gear])
        for i in range(SUBSTEPS):
            fmu.doStep(0 + ((step - 1) * SUBSTEPS + i) * (SIZE / SUBSTEPS), SIZE / SUBSTEPS)
        show(version, step, reference, get_real, get_integer, get_boolean)
    fmu.terminate()
    fmu.freeInstance()


def show(version, step, reference, get_real, get_integer, get_boolean):
    x, v, reward = get_real([reference["x"], reference["der(x)"], reference["reward"]])
    count, far = get_integer([reference["count"]])[0], int(get_boolean([reference["far"]])[0])
    print(version, step, x.hex(), v.hex(), count, far, reward.hex())


for fmi in (2, 3):
    play(f"{sys.argv[1]}/spring{fmi}.fmu", fmi)

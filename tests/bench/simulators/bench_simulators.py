"""Python simulators for simulators.sh: their bare loops, and what corsac runs of them.

bench_simulators.py NAME SECONDS    steps/s of NAME's own loop, without corsac: jsbsim, fetch, motor, process, files
bench_simulators.py jsbsim          JSBSim as a program with a main loop of its own, for exec:
Imported by corsac (gym:bench_simulators:...) it registers corsac/Process-v0, a stirred tank of pcgym, and corsac/Motor-v0.
"""
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
STEPS = 200  # an episode is cut there, as `corsac bench env` does


class Aircraft:
    """A Cessna 172 that keeps its height; 12 integrations of 1/120 s in a step."""

    def __init__(self):
        import jsbsim
        self.fdm = jsbsim.FGFDMExec(None)
        self.fdm.set_debug_level(0)
        self.fdm.load_model("c172p")

    def reset(self, seed):
        fdm = self.fdm
        fdm["ic/h-sl-ft"], fdm["ic/vc-kts"] = 4000 + seed % 100, 100
        fdm.reset_to_initial_conditions(0)
        fdm.run_ic()
        fdm["propulsion/set-running"] = -1
        return self.observe()

    def observe(self):
        return [self.fdm[name] for name in ("position/h-sl-ft", "velocities/vc-kts", "velocities/h-dot-fps", "attitude/theta-rad", "velocities/q-rad_sec")]

    def step(self, action):
        self.fdm["fcs/elevator-cmd-norm"], self.fdm["fcs/throttle-cmd-norm"] = action[0], 0.5 + 0.5 * action[1]
        for _ in range(12):
            self.fdm.run()
        obs = self.observe()
        return obs, -((obs[0] - 4000) / 100) ** 2


def serve_aircraft():
    import corsac_sim
    aircraft = Aircraft()
    with corsac_sim.Sim("aircraft", obs_dim=5, action_low=[-0.2, -1], action_high=[0.2, 1], max_episode_steps=STEPS) as sim:
        while sim.wanted:
            action = sim.begin(aircraft.reset(sim.seed))
            while sim.acting:
                action = sim.step(*aircraft.step(action))


def process():
    import numpy
    import pcgym
    space = lambda low, high: {"low": numpy.array(low), "high": numpy.array(high)}
    return pcgym.make_env(dict(N=60, tsim=26, SP={"Ca": [0.85] * 60}, model="cstr", x0=numpy.array([0.8, 330.0, 0.8]), r_scale={"Ca": 1e3}, normalise_a=True,
                               normalise_o=True, noise=False, integration_method="casadi", a_space=space([295.0], [302.0]),
                               o_space=space([0.7, 300.0, 0.8], [1.0, 350.0, 0.9])))


def motor():
    import gym_electric_motor
    return gym_electric_motor.make("Cont-CC-PMSM-v0")


def fetch():
    import gymnasium
    import gymnasium_robotics
    gymnasium.register_envs(gymnasium_robotics)
    return gymnasium.make("FetchReach-v4")


def play_gym(env):
    """Episodes with the same actions, in the space's own type."""
    env.action_space.seed(1)
    actions = [env.action_space.sample() for _ in range(STEPS)]
    while True:
        env.reset(seed=1)
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            yield
            if terminated or truncated:
                break


def play_aircraft():
    aircraft, draw = Aircraft(), random.Random(1)
    actions = [(draw.uniform(-0.2, 0.2), draw.uniform(-1, 1)) for _ in range(STEPS)]
    while True:
        aircraft.reset(1)
        for action in actions:
            aircraft.step(action)
            yield


def play_files():
    """What launch/examples/files/rod.py does in a step, beside a rod that is compiled: ROD names it."""
    command = ["mpirun", "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1", "-n", "2", os.environ["ROD"]]
    with tempfile.TemporaryDirectory() as directory:
        while True:
            with open(os.path.join(directory, "control.dat"), "w") as file:
                file.write("1 0.5 0.02\n")
            subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, check=True)
            with open(os.path.join(directory, "result.dat")) as file:
                [float(word) for word in file.read().split()]
            yield


def measure(steps, seconds):
    for _ in range(2):
        next(steps)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        next(steps)
        count += 1
    print("%.9g" % (count / (time.perf_counter() - start)))


if __name__ == "__main__":
    if sys.argv[1:] == ["jsbsim"]:
        serve_aircraft()
    else:
        loops = {"jsbsim": play_aircraft, "fetch": lambda: play_gym(fetch()), "motor": lambda: play_gym(motor()),
                 "process": lambda: play_gym(process()), "files": play_files}
        measure(loops[sys.argv[1]](), float(sys.argv[2]))
else:
    import gymnasium
    gymnasium.register("corsac/Process-v0", entry_point=process, max_episode_steps=STEPS)
    gymnasium.register("corsac/Motor-v0", entry_point=motor, max_episode_steps=STEPS)

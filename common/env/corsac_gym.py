"""A Gymnasium environment as one of corsac's: `corsac train --env gym:ID` runs `python corsac_gym.py ID` as a child of an actor.

ID is what gymnasium.make takes; with "module:ID" the module, looked for in the current directory too, is imported first.

Observation: Box, or Dict and Tuple of such. One vector of float32: the keys of a Dict sorted, a Tuple in its order, arrays row-major.
Action:      Box with finite bounds. An array of the space's shape and type; integers are rounded to.
Seed:        every episode is reset with a seed of its own, the lower 32 bits of corsac's.
End:         terminated and truncated as they are; Gymnasium's own TimeLimit truncates, corsac adds no limit. What info holds is not used.
"""

import ctypes
import os
import signal
import sys
import traceback

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # many of these processes share a machine
    os.environ.setdefault(_variable, "1")
try:
    import gymnasium
    import numpy
except ImportError as _error:
    sys.exit(
        f"corsac_gym: {sys.executable} cannot import Gymnasium ({_error}): launch/install-deps.sh gym makes a Python that has it, "
        "--python names another"
    )
from gymnasium.spaces import Box, Dict, Tuple

TERMINATED, TRUNCATED = 1, 2  # CORSAC_TERMINATED, CORSAC_TRUNCATED
ACT, BEGIN, STOP = 0, 1, 2  # CORSAC_SIM_ACT ...


class Unsupported(Exception):
    """The environment cannot be used with corsac, and why."""


def leaves(space, path=()):
    """[(path, Box)] in the order of the flat observation; path: keys and indices that lead to it."""
    if isinstance(space, Box):
        return [(path, space)]
    if isinstance(space, Dict):
        children = sorted(space.spaces.items(), key=lambda item: str(item[0]))
    elif isinstance(space, Tuple):
        children = enumerate(space.spaces)
    else:
        place = "".join(f"[{key!r}]" for key in path)
        raise Unsupported(
            f"the observation{place} is a {space}; possible are Box, and Dict and Tuple of such "
            "(gymnasium.wrappers.FlattenObservation in the environment's registration makes one Box of others)"
        )
    return [leaf for key, child in children for leaf in leaves(child, path + (key,))]


class Flattener:
    """flattener(observation, out) writes the observation into out (size), a float32 array."""

    def __init__(self, space):
        self.parts, self.size = [], 0
        for path, box in leaves(space):
            end = self.size + int(numpy.prod(box.shape))
            self.parts.append((path, box.shape, slice(self.size, end)))
            self.size = end
        if self.size == 0:
            raise Unsupported(f"the observation space {space} holds no number")

    def __call__(self, observation, out):
        for path, shape, place in self.parts:
            part = observation
            for key in path:
                part = part[key]
            part = numpy.asarray(part)
            if part.shape != shape:  # numpy would stretch it
                name = "".join(f"[{key!r}]" for key in path)
                raise ValueError(f"the observation{name} has the shape {part.shape}; its space says {shape}")
            out[place] = part.reshape(-1)


def action_bounds(space):
    """(low, high), each flat, float64."""
    if not isinstance(space, Box):
        raise Unsupported(f"the action is a {space}; corsac's actions are continuous: a Box with finite bounds")
    low, high = (numpy.asarray(bound, dtype=numpy.float64).reshape(-1) for bound in (space.low, space.high))
    if low.size == 0:
        raise Unsupported(f"the action space {space} holds no number")
    for i in range(low.size):
        if not (numpy.isfinite(low[i]) and numpy.isfinite(high[i]) and low[i] < high[i]):
            raise Unsupported(
                f"component {i} of the action {space} is in [{low[i]:g}, {high[i]:g}]; bounds have to be finite, low < high. "
                "gymnasium.wrappers.TransformAction in the environment's registration gives it others"
            )
    return low, high


def action_maker(space):
    """vector (act_dim) -> a new array as the space has it: the environment may keep it."""
    shape, kind = space.shape, space.dtype
    if numpy.issubdtype(kind, numpy.floating):
        return lambda vector: vector.astype(kind).reshape(shape)
    return lambda vector: numpy.rint(vector).astype(kind).reshape(shape)


def make(name):
    """The environment that gymnasium.make gives, without its checker, which would warn and cost time in every step."""
    sys.path[0] = os.getcwd()  # this file's directory until now
    try:
        return gymnasium.make(name, disable_env_checker=True)
    except Exception as error:  # whatever the environment's own code raises
        if not isinstance(error, gymnasium.error.Error):
            traceback.print_exc()
        raise Unsupported(f"gymnasium.make({name!r}) failed: {one_line(error)}") from None


def one_line(error):
    """The type of an exception, its text, and where it was raised."""
    text = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{place}"


def drive(env, sim):
    """Plays episodes until corsac wants no more. What the environment raises fails the episode: corsac then starts this anew."""
    flatten, to_action = Flattener(env.observation_space), action_maker(env.action_space)
    obs = numpy.empty(flatten.size, numpy.float32)
    action = numpy.empty(sim.act_dim, numpy.float32)
    step, answer, next = env.step, sim.stepper(obs, action), BEGIN
    while next == BEGIN:
        observation, _ = env.reset(seed=sim.seed() % 2**32)
        flatten(observation, obs)
        next = sim.begin(obs, action)
        while next == ACT:
            observation, reward, terminated, truncated, _ = step(to_action(action))
            flatten(observation, obs)
            next = answer(float(reward), (TERMINATED if terminated else 0) | (TRUNCATED if truncated else 0))


class Spec(ctypes.Structure):
    """struct corsac_sim_spec of corsac/sim.h."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("name", ctypes.c_char_p),
        ("obs_dim", ctypes.c_uint32),
        ("act_dim", ctypes.c_uint32),
        ("max_episode_steps", ctypes.c_uint32),
        ("action_low", ctypes.c_void_p),
        ("action_high", ctypes.c_void_p),
        ("info_dim", ctypes.c_uint32),
        ("info_names", ctypes.c_void_p),
    ]


class Sim:
    """libcorsac_sim, built and installed to lib/ beside the share/ that this file is in, on NumPy's memory."""

    def __init__(self, name, obs_dim, low, high):
        here = os.path.dirname(os.path.abspath(__file__))
        path = os.path.normpath(os.path.join(here, "../../../lib/libcorsac_sim.so"))
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            raise Unsupported(f"libcorsac_sim cannot be loaded ({error}): `make` and `make install` put it there") from None
        address, sim = ctypes.c_void_p, ctypes.c_void_p
        library.corsac_sim_open.argtypes, library.corsac_sim_open.restype = [ctypes.POINTER(Spec)], sim
        library.corsac_sim_begin.argtypes = [sim, address, address]
        library.corsac_sim_step.argtypes = [sim, address, ctypes.c_double, ctypes.c_int, address]
        library.corsac_sim_seed.argtypes, library.corsac_sim_seed.restype = [sim], ctypes.c_uint64
        library.corsac_sim_fail.argtypes = [sim, ctypes.c_char_p]
        library.corsac_sim_close.argtypes = [sim]
        self.library, self.act_dim = library, low.size
        spec = Spec(ctypes.sizeof(Spec), name.encode(), obs_dim, low.size, 0, low.ctypes.data, high.ctypes.data)
        self.sim = library.corsac_sim_open(ctypes.byref(spec))  # returns when the first episode is wanted
        if not self.sim:
            raise Unsupported("corsac_sim_open failed, see above")

    def seed(self):
        return self.library.corsac_sim_seed(self.sim)

    def begin(self, obs, action):
        return self.library.corsac_sim_begin(self.sim, obs.ctypes.data, action.ctypes.data)

    def stepper(self, obs, action):
        """step(reward, flags) that sends obs and fills action, always the same arrays."""
        sim, function, sent, filled = self.sim, self.library.corsac_sim_step, obs.ctypes.data, action.ctypes.data
        return lambda reward, flags: function(sim, sent, reward, flags, filled)

    def fail(self, why):
        self.library.corsac_sim_fail(self.sim, why.encode(errors="replace"))

    def close(self):
        self.library.corsac_sim_close(self.sim)


def main(name):
    if "CORSAC_CHANNEL" in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C is corsac's: it saves, then closes this
    env = make(name)
    low, high = action_bounds(env.action_space)
    sim = Sim(name, Flattener(env.observation_space).size, low, high)
    try:
        drive(env, sim)
    except Exception as error:
        traceback.print_exc()
        sim.fail(one_line(error))
        return 1
    sim.close()
    env.close()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: corsac_gym.py ID: what gymnasium.make takes, such as Pendulum-v1 or module:ID")
    try:
        sys.exit(main(sys.argv[1]))
    except Unsupported as problem:
        sys.exit(f"corsac_gym: {problem}")

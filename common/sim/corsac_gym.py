"""Makes a Gymnasium environment one of corsac's: `corsac train --env gym:ID` runs `python corsac_gym.py ID` as a child of an actor.

ID is what gymnasium.make takes. With "module:ID" the module is imported first; the current directory is searched too.
"ID?key=value&key=value" gives it keyword arguments: a value is a literal of JSON, or else a plain string; %XX is a byte.
--wrap module:name[,module:name] calls name(env) and goes on with what that returns.
--max-episode-steps N takes the place of the limit of the environment's registration.

Observation: Box, or Dict and Tuple of such. It becomes one vector of float32: a Dict by its sorted keys, a Tuple in its order,
             arrays row-major.
Action:      Box; where it is unbounded, --action-low and --action-high bound it. It is an array of the space's shape and type; for integers it is rounded.
Seed:        every episode is reset with a seed of its own, the lower 32 bits of corsac's.
Case:        with corsac's --cases, reset gets options={"case": text}, and the environment variable CORSAC_CASE is that of this environment.
Pictures:    CORSAC_FRAMES=PIPE (corsac eval --record) gets a line with the frames per second, then a PPM after each reset and step.
End:         terminated and truncated are passed on. Gymnasium's own TimeLimit truncates; corsac adds no limit.
Info:        its numbers become named values. --info auto takes those of a first step, which is made for that; none takes none; NAME,NAME:max
             takes these, each with the rule mean, last or max. Keys of dicts in it are joined by _; other characters than a-z, 0-9 become _.
"""

import argparse
import ctypes.util
import importlib
import json
import os
import re
import signal
import sys
import traceback
import urllib.parse

import corsac_sim

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # many of these processes share a machine
    os.environ.setdefault(_variable, "1")
try:
    import gymnasium
    import numpy
    from gymnasium.spaces import Box, Dict, Tuple
except ImportError as _error:
    corsac_sim.refuse(
        f"{sys.executable} cannot import Gymnasium ({_error}): launch/install-deps.sh gym makes a Python that has it, --python names another"
    )
    sys.exit(1)


class Unsupported(Exception):
    """The environment cannot be used with corsac; the text says why."""


def leaves(space, path=()):
    """[(path, Box)] in the order of the flat observation; path: keys and indices that lead to it."""
    if isinstance(space, Box):
        return [(path, space)]
    if isinstance(space, Dict):
        children = sorted(space.spaces.items(), key=lambda item: str(item[0]))
    elif isinstance(space, Tuple):
        children = enumerate(space.spaces)
    else:
        member = "".join(f"[{key!r}]" for key in path)
        raise Unsupported(
            f"the observation{member} is a {space}; possible are Box, and Dict and Tuple of such "
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
        for path, shape, index in self.parts:
            part = observation
            for key in path:
                part = part[key]
            part = numpy.asarray(part)
            if part.shape != shape:  # numpy would broadcast it
                name = "".join(f"[{key!r}]" for key in path)
                raise ValueError(f"the observation{name} has the shape {part.shape}; its space says {shape}")
            out[index] = part.reshape(-1)


def action_bounds(space):
    """(low, high), each flat, float64."""
    if not isinstance(space, Box):
        raise Unsupported(f"the action is a {space}; corsac's actions are continuous: a Box")
    low, high = (numpy.asarray(bound, dtype=numpy.float64).reshape(-1) for bound in (space.low, space.high))
    if low.size == 0:
        raise Unsupported(f"the action space {space} holds no number")
    for i in range(low.size):
        if not low[i] < high[i]:  # corsac checks that they are finite, or bounded by its options
            raise Unsupported(f"component {i} of the action {space} is in [{low[i]:g}, {high[i]:g}]; bounds have to be low < high")
    return low, high


def action_maker(space):
    """A function that makes a new array of the space from a list (act_dim). The environment may keep the array."""
    shape, kind = space.shape, space.dtype
    if numpy.issubdtype(kind, numpy.floating):
        return lambda numbers: numpy.array(numbers, kind).reshape(shape)
    return lambda numbers: numpy.rint(numbers).astype(kind).reshape(shape)


def literal(text):
    """The value of a keyword argument: a literal of JSON, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        float(text)
        wrong = "a number"  # as JSON does not write it
    except ValueError:
        wrong = {"True": "true", "False": "false", "None": "null"}.get(text)
    if wrong:
        raise Unsupported(f"the value {text} is no literal of JSON: write {wrong} (0.5, 1e-3, true, null), or a string in quotes")
    return text


def split_name(text):
    """(ID, keyword arguments) of ID?key=value&key=value."""
    name, _, query = text.partition("?")
    options = {}
    for pair in query.split("&") if query else []:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise Unsupported(f"{pair!r} in {text!r} is no argument; they are given as gym:ID?key=value&key=value")
        if key in options:
            raise Unsupported(f"the argument {key} is given twice in {text!r}")
        options[key] = literal(urllib.parse.unquote(value))
    return name, options


def wrap(env, names):
    """The environment inside of all wrappers "module:name,module:name", the first one innermost."""
    for name in names.split(",") if names else []:
        module, _, attribute = name.strip().partition(":")
        try:
            env = getattr(importlib.import_module(module), attribute)(env)
        except Exception as error:  # the wrapper's own code may raise anything
            traceback.print_exc()
            raise Unsupported(f"--gym-wrap {name.strip()}: {one_line(error)}; it is module:name, and name(env) returns an environment") from None
        if not isinstance(env, gymnasium.Env):
            raise Unsupported(f"--gym-wrap {name.strip()} returned a {type(env).__name__}, not an environment of Gymnasium")
    return env


def case_of(text):
    """The arguments of reset that tell the environment its case, if it has one."""
    return {"options": {"case": text}} if text else {}


RULES = {"mean": corsac_sim.INFO_MEAN, "last": corsac_sim.INFO_LAST, "max": corsac_sim.INFO_MAX}
MOST_INFO, LONGEST_INFO = 16, 31


def is_success(name):
    return re.search("(^|_)(success|solved)($|_)", name) is not None


def numbers(info, prefix=""):
    """(name, number) of each number, truth value and array of one element in info, and in the dicts in it."""
    for key, value in info.items():
        name = re.sub("[^a-z0-9_]+", "_", f"{prefix}{key}".lower())[:LONGEST_INFO]
        if isinstance(value, dict):
            yield from numbers(value, name + "_")
        elif isinstance(value, (bool, int, float, numpy.bool_, numpy.number)) or (isinstance(value, numpy.ndarray) and value.size == 1):
            try:
                yield name, corsac_sim.number(value)
            except (TypeError, ValueError, OverflowError):  # an array of texts, an integer too long for a double
                pass


class Info:
    """The named values: names, rules, and info(of a step) -> their numbers, NaN for what is not there."""

    def __init__(self, env, asked):
        self.names, self.rules = [], []
        if asked == "auto":
            self.choose(env)
        elif asked != "none":
            self.parse(asked)

    def add(self, name, rule):
        self.names.append(name)
        self.rules.append(RULES[rule])

    def parse(self, asked):
        for word in asked.split(","):
            name, colon, rule = word.strip().partition(":")
            if not re.fullmatch(f"[a-z0-9_]{{1,{LONGEST_INFO}}}", name) or (colon and rule not in RULES):
                raise Unsupported(f"--gym-info {word.strip()}: it is auto, none, or NAME[:mean|last|max],... with names of a-z, 0-9 and _")
            if name in self.names or len(self.names) == MOST_INFO:
                raise Unsupported(f"--gym-info: {name} is there twice, or is one more than {MOST_INFO} names")
            self.add(name, rule or ("last" if is_success(name) else "mean"))

    def choose(self, env):
        """Makes a step, the same in every instance: with the action nearest to 0."""
        space = env.action_space
        try:
            env.reset(seed=0, **case_of(os.environ.get("CORSAC_CASE")))
            info = env.step(numpy.clip(numpy.zeros(space.shape), space.low, space.high).astype(space.dtype))[4]
        except Exception as error:
            traceback.print_exc()
            raise Unsupported(f"the first step, which shows what is in info (--gym-info none makes none), failed: {one_line(error)}") from None
        names = sorted(dict(numbers(info)), key=lambda name: not is_success(name))  # the others in their order
        for name in names[:MOST_INFO]:
            self.add(name, "last" if is_success(name) else "mean")
        if len(names) > MOST_INFO:
            print(f"info has {len(names)} numbers, of which the first {MOST_INFO} become columns; --gym-info chooses others. Left out: "
                  + ", ".join(names[MOST_INFO:]), file=sys.stderr)

    def __call__(self, info):
        found = dict(numbers(info)) if self.names else {}
        return [found.get(name, numpy.nan) for name in self.names]


def make(name, **options):
    """gymnasium.make without its checker, which would print warnings and cost time in every step."""
    # Instead of the directory of this file: where corsac was started, also where --scratch gives another directory.
    sys.path[0] = os.environ.get("CORSAC_DIRECTORY") or os.getcwd()
    name, given = split_name(name)
    try:
        return gymnasium.make(name, **{"disable_env_checker": True, **given, **options})
    except Exception as error:  # the environment's own code may raise anything
        if not isinstance(error, gymnasium.error.Error):
            traceback.print_exc()
        hint = "; launch/install-deps.sh gym-mujoco installs it" if "MuJoCo is not installed" in str(error) else ""
        raise Unsupported(f"gymnasium.make({name!r}) failed: {one_line(error)}{hint}") from None


def one_line(error):
    """The type of an exception, its text, and where it was raised."""
    text = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{where}"


class Camera:
    """camera() writes a picture of the environment to a pipe that ffmpeg reads."""

    def __init__(self, env, pipe):
        self.env, self.file = env, open(pipe, "wb")
        self.file.write(b"%d\n" % round(env.metadata.get("render_fps", 30)))
        self.file.flush()

    def __call__(self):
        try:
            picture = self.env.render()
        except gymnasium.error.DependencyNotInstalled as error:
            raise RuntimeError(f"{error}; launch/install-deps.sh record installs what Gymnasium's own tasks draw with") from None
        picture = numpy.ascontiguousarray(picture, numpy.uint8)
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"render() gives an array of the shape {picture.shape}; a picture is (height, width, 3)")
        self.file.write(b"P6\n%d %d\n255\n" % (picture.shape[1], picture.shape[0]))
        self.file.write(picture)
        self.file.flush()


def without_screen():
    """Selects what draws without a screen, unless the user has chosen."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("MUJOCO_GL", "egl" if ctypes.util.find_library("EGL") else "osmesa")


def drive(env, sim, camera, named):
    """Plays episodes until corsac wants no more. An exception of the environment fails the episode; corsac then starts this anew."""
    flatten, to_action = Flattener(env.observation_space), action_maker(env.action_space)
    obs = numpy.empty(flatten.size, numpy.float32)
    while sim.wanted:
        observation, _ = env.reset(seed=sim.seed % 2**32, **case_of(sim.case))
        flatten(observation, obs)
        camera()
        action = sim.begin(obs)
        while sim.acting:
            observation, reward, terminated, truncated, info = env.step(to_action(action))
            flatten(observation, obs)
            camera()
            if named.names:
                sim.info(named(info))
            action = sim.step(obs, corsac_sim.number(reward), terminated, truncated)


def main(arguments):
    name = arguments.id
    if "CORSAC_CHANNEL" in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C on a terminal is for corsac, which saves and then closes this
    pipe = os.environ.get("CORSAC_FRAMES")
    if pipe:
        without_screen()
    options = {"max_episode_steps": arguments.max_episode_steps, "render_mode": "rgb_array" if pipe else None}
    env = wrap(make(name, **{key: value for key, value in options.items() if value is not None}), arguments.wrap)
    low, high = action_bounds(env.action_space)
    named = Info(env, arguments.info)
    camera = Camera(env, pipe) if pipe else lambda: None
    sim = corsac_sim.Sim(name.partition("?")[0], Flattener(env.observation_space).size, low, high, info_names=named.names, info_rules=named.rules)
    try:
        drive(env, sim, camera, named)
    except Exception as error:
        traceback.print_exc()
        sim.fail(one_line(error))
        return 1
    sim.close()
    env.close()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Runs an environment of Gymnasium for corsac.")
    parser.add_argument("id", help="what gymnasium.make takes, such as Pendulum-v1, module:ID or ID?key=value&key=value")
    parser.add_argument("--max-episode-steps", type=int, help="in place of the environment's own limit")
    parser.add_argument("--info", default="auto", help="which numbers of info become named values: auto, none, NAME[:mean|last|max],...")
    parser.add_argument("--wrap", default="", help="module:name,... of what wraps the environment")
    try:
        sys.exit(main(parser.parse_args()))
    except Unsupported as problem:
        corsac_sim.refuse(problem)
        sys.exit(1)

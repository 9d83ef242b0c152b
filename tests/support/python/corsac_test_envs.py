"""Gymnasium environments that do one thing each, for tests: gym:corsac_test_envs:test/Box-v0 and so on."""

import time

import gymnasium
import numpy
from gymnasium.spaces import Box, Dict, Discrete, Tuple


class Box64(gymnasium.Env):
    """obs float64 (2 x 3): the low 24 bits of the seed, steps, the action (2), 0.1, 1/3. Truncates after 10 steps, by its TimeLimit."""

    observation_space = Box(-numpy.inf, numpy.inf, (2, 3), numpy.float64)
    action_space = Box(numpy.array([-1.0, 0.0], numpy.float32), numpy.array([1.0, 5.0], numpy.float32))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.steps, self.action = seed, 0, numpy.zeros(2)
        return self.observe(), {}

    def observe(self):
        return numpy.array([[self.seed % 2**24, self.steps, self.action[0]], [self.action[1], 0.1, 1 / 3]])

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        self.steps, self.action = self.steps + 1, action
        return self.observe(), float(-numpy.sum(action**2)), False, False, {"unused": 1}


class Nested(gymnasium.Env):
    """obs {b: (Box (2,1), Box ()), a: uint8 (2 x 2)} whose flat form is 1 2 3 4 5 6 7; action float64 (1 x 2); terminates at step 5."""

    observation_space = Dict({"b": Tuple((Box(-9, 9, (2, 1)), Box(-9, 9, ()))), "a": Box(0, 255, (2, 2), numpy.uint8)})
    action_space = Box(-2.0, 2.0, (1, 2), numpy.float64)

    def observe(self):
        return {"b": (numpy.array([[5], [6]], numpy.float32), numpy.float32(7)), "a": numpy.array([[1, 2], [3, 4]], numpy.uint8)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.observe(), {}

    def step(self, action):
        assert action.shape == (1, 2) and action.dtype == numpy.float64
        self.steps += 1
        return self.observe(), 1.0, self.steps == 5, False, {}


class Ends(Box64):
    """Truncates and terminates in the same step, the 7th, with an observation of its own: -1 everywhere."""

    def step(self, action):
        observation, reward, _, _, info = super().step(action)
        end = self.steps == 7
        return (numpy.full((2, 3), -1.0) if end else observation), reward, end, end, info


class Rounded(Box64):
    """Integer actions: obs holds them."""

    action_space = Box(numpy.array([-3, 0]), numpy.array([3, 9]), dtype=numpy.int64)

    def step(self, action):
        assert action.dtype == numpy.int64
        return super().step(action)


class Faulty(Box64):
    """Every third episode, or every one from the first on, does something bad in its third step."""

    def __init__(self, fault, every=3):
        self.fault, self.every, self.episodes = fault, every, 0

    def reset(self, *, seed=None, options=None):
        self.episodes += 1
        return super().reset(seed=seed)

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        if self.steps == 3 and self.episodes % self.every == 0:
            if self.fault == "raise":
                raise RuntimeError("the mesh is gone")
            if self.fault == "nan":
                observation = observation * numpy.nan
            if self.fault == "sleep":
                time.sleep(1e6)
            if self.fault == "shape":
                observation = observation[0]
        return observation, reward, terminated, truncated, info


class Spaces(Box64):
    """Spaces that corsac cannot have."""

    def __init__(self, action_space=None, observation_space=None):
        self.action_space = action_space or self.action_space
        self.observation_space = observation_space or self.observation_space


class Film(Box64):
    """Pictures of 31 x 21 whose pixels are all (10 x steps, 100, 200)."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 12}

    def __init__(self, render_mode=None, fault=None):
        self.render_mode, self.fault = render_mode, fault

    def render(self):
        if self.fault and self.steps == 3:
            raise RuntimeError("the film has torn")
        return numpy.full((21, 31, 3), (10 * self.steps, 100, 200), numpy.uint8)


class Arguments(Box64):
    """Keyword arguments: the reward is the gain."""

    def __init__(self, gain=1, name=""):
        self.gain, self.name = gain, name

    def step(self, action):
        observation, _, terminated, truncated, info = super().step(action)
        return observation, float(self.gain), terminated, truncated, info


class Cases(Box64):
    """The reward of each step is the number behind k= in the case that reset gets."""

    def reset(self, *, seed=None, options=None):
        text = (options or {}).get("case", "k=-1")
        self.number = float(text.split("k=")[1].split()[0])
        return super().reset(seed=seed)

    def step(self, action):
        observation, _, terminated, truncated, info = super().step(action)
        return observation, self.number, terminated, truncated, info


class Informed(Box64):
    """info with numbers of all kinds: t is the step, is_success becomes true at step 7 and false at step 9."""

    def step(self, action):
        observation, reward, terminated, truncated, _ = super().step(action)
        energy = {"kinetic": numpy.float32(self.steps), "Left arm": numpy.array([2.5])}
        info = {"t": self.steps, "is_success": numpy.bool_(7 <= self.steps < 9), "Energy": energy, "text": "x", "vector": numpy.zeros(2)}
        return observation, reward, terminated, truncated, info


class Talkative(Box64):
    """More numbers in info than there may be columns."""

    def step(self, action):
        observation, reward, terminated, truncated, _ = super().step(action)
        return observation, reward, terminated, truncated, {**{f"value {i}": i for i in range(20)}, "success": 0}


class Doubled(gymnasium.RewardWrapper):
    def reward(self, reward):
        return 2 * reward


def plus_one(env):
    return gymnasium.wrappers.TransformReward(env, lambda reward: reward + 1)


def nothing(env):
    return None


def register(name, entry_point, steps=10, **kwargs):
    gymnasium.register(f"test/{name}-v0", entry_point=entry_point, max_episode_steps=steps, kwargs=kwargs)


register("Box", Box64)
register("Arguments", Arguments)
register("Info", Informed)
register("Cases", Cases)
register("Talkative", Talkative)
register("Nested", Nested, 20)
register("Film", Film)
register("TornFilm", Film, fault="render")
register("Ends", Ends)
register("Rounded", Rounded)
register("Raise", Faulty, fault="raise")
register("RaiseAlways", Faulty, fault="raise", every=1)
register("NaN", Faulty, fault="nan")
register("Sleep", Faulty, fault="sleep")
register("Shape", Faulty, fault="shape", every=1)
register("Discrete", Spaces, action_space=Discrete(4))
register("Unbounded", Spaces, action_space=Box(numpy.array([-1, -numpy.inf]), numpy.array([1, numpy.inf])))
register("Mode", Spaces, observation_space=Dict({"mode": Discrete(3), "x": Box(0, 1, (2,))}))

"""Makes a parallel environment of PettingZoo one of corsac's: `corsac train --env pettingzoo:MODULE` runs `python corsac_pettingzoo.py MODULE`
as a child of an actor. Its agents share one policy.

MODULE is imported, and its parallel_env(**arguments) called; the current directory is searched too. "MODULE?key=value&key=value" gives the
arguments: a value is a literal of JSON, or else a plain string; %XX is a byte.

Agents:      those of possible_agents, in that order. All have the same spaces.
Observation: Box, or Dict and Tuple of such, as in corsac_gym.py.
Action:      Box; where it is unbounded, --action-low and --action-high bound it.
Case:        as in corsac_gym.py.
Seed:        every episode is reset with a seed of its own, the lower 32 bits of corsac's.
End:         of an agent: its termination or truncation. One that is gone without either counts as truncated, with its last observation.
             Of the environment: when no agent is left, or at --max-episode-steps.
"""

import argparse
import importlib
import os
import signal
import sys
import traceback

import corsac_sim
import corsac_gym
import numpy
from corsac_gym import Unsupported


def make(text):
    """(name, environment) of MODULE?key=value&key=value."""
    sys.path[0] = os.environ.get("CORSAC_DIRECTORY") or os.getcwd()
    name, options = corsac_gym.split_name(text)
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        traceback.print_exc()
        raise Unsupported(f"{name} cannot be imported: {corsac_gym.one_line(error)}; launch/install-deps.sh pettingzoo makes a Python "
                          "that has PettingZoo, --python names another") from None
    if not hasattr(module, "parallel_env"):
        raise Unsupported(f"{name} has no parallel_env: pettingzoo: takes modules such as pettingzoo.sisl.multiwalker_v9")
    try:
        return name, module.parallel_env(**options)
    except Exception as error:  # the environment's own code may raise anything
        traceback.print_exc()
        raise Unsupported(f"{name}.parallel_env failed: {corsac_gym.one_line(error)}") from None


def spaces(env):
    """(observation space, action space), which all agents have."""
    agents = list(env.possible_agents)
    if not agents:
        raise Unsupported("the environment has no possible_agents")
    observation, action = env.observation_space(agents[0]), env.action_space(agents[0])
    for agent in agents[1:]:
        if env.observation_space(agent) != observation or env.action_space(agent) != action:
            raise Unsupported(f"agent {agent} has other spaces than {agents[0]}: all agents share one policy, so their spaces have to be equal")
    return observation, action


class Agents:
    """What each agent observes and is, side by side."""

    def __init__(self, env, observation, action):
        self.env, self.names = env, list(env.possible_agents)
        self.flatten, self.to_action = corsac_gym.Flattener(observation), corsac_gym.action_maker(action)
        self.act_dim = corsac_gym.action_bounds(action)[0].size
        self.obs = numpy.zeros((len(self.names), self.flatten.size), numpy.float32)
        self.rewards = [0.0] * len(self.names)
        self.flags = [corsac_sim.ABSENT] * len(self.names)

    def observe(self, j, observations):
        if self.names[j] in observations:
            self.flatten(observations[self.names[j]], self.obs[j])

    def reset(self, seed, case):
        result = self.env.reset(seed=seed, **corsac_gym.case_of(case))
        observations = result[0] if isinstance(result, tuple) else result
        for j, name in enumerate(self.names):
            self.rewards[j] = 0.0
            self.flags[j] = corsac_sim.PRESENT if name in observations and name in self.env.agents else corsac_sim.ABSENT
            self.observe(j, observations)

    def step(self, numbers):
        """Makes a step; whether the episode ends, as flags."""
        acting = [flags == corsac_sim.PRESENT for flags in self.flags]
        rows = numpy.asarray(numbers).reshape(len(self.names), self.act_dim)
        actions = {name: self.to_action(rows[j]) for j, name in enumerate(self.names) if acting[j]}
        observations, rewards, terminations, truncations, _ = self.env.step(actions)
        left = set(self.env.agents)
        ended = []
        for j, name in enumerate(self.names):
            self.observe(j, observations)
            self.rewards[j] = corsac_sim.number(rewards.get(name, 0.0)) if acting[j] else 0.0
            flags = (corsac_sim.TERMINATED if terminations.get(name) else 0) | (corsac_sim.TRUNCATED if truncations.get(name) else 0)
            if acting[j]:
                self.flags[j] = flags or (corsac_sim.PRESENT if name in left else corsac_sim.TRUNCATED)
                ended += [self.flags[j]] if self.flags[j] != corsac_sim.PRESENT else []
            else:
                self.flags[j] = corsac_sim.PRESENT if name in left and name in observations else corsac_sim.ABSENT
        if left:
            return 0
        return corsac_sim.TRUNCATED if any(flags == corsac_sim.TRUNCATED for flags in ended) else corsac_sim.TERMINATED


def drive(agents, sim):
    """Plays episodes until corsac wants no more. An exception of the environment fails the episode; corsac then starts this anew."""
    obs = agents.obs.reshape(-1)  # the same memory
    one = len(agents.names) == 1
    while sim.wanted:
        agents.reset(sim.seed % 2**32, sim.case)
        if not one:
            sim.agents(None, agents.flags)
        action = sim.begin(obs)
        while sim.acting:
            ends = agents.step(action)
            if not one:
                sim.agents(agents.rewards, agents.flags)
            action = sim.step(obs, agents.rewards[0], bool(ends & corsac_sim.TERMINATED), bool(ends & corsac_sim.TRUNCATED))


def main(text):
    if "CORSAC_CHANNEL" in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C on a terminal is for corsac, which saves and then closes this
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    name, env = make(text)
    observation, action = spaces(env)
    low, high = corsac_gym.action_bounds(action)
    agents = Agents(env, observation, action)
    sim = corsac_sim.Sim(name, agents.flatten.size, low, high, agents=len(agents.names))
    try:
        drive(agents, sim)
    except Exception as error:
        traceback.print_exc()
        sim.fail(corsac_gym.one_line(error))
        return 1
    sim.close()
    env.close()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Runs a parallel environment of PettingZoo for corsac.")
    parser.add_argument("module", help="such as pettingzoo.sisl.multiwalker_v9, or MODULE?key=value&key=value")
    try:
        sys.exit(main(parser.parse_args().module))
    except Unsupported as problem:
        corsac_sim.refuse(problem)
        sys.exit(1)

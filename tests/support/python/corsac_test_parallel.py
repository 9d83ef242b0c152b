"""Parallel environments as PettingZoo's, for the tests. They need no PettingZoo: corsac_pettingzoo.py only calls what it documents.

Walkers on a line who leave at its ends (terminated), by chance (truncated), or without a word; one comes in the middle of the episode.
"""
import numpy
from gymnasium.spaces import Box, Discrete


class Walkers:
    def __init__(self, walkers=3, length=20, space="box", wrong=""):
        self.possible_agents = [f"walker_{j}" for j in range(walkers)]
        self.agents, self.length, self.space, self.wrong = [], length, space, wrong

    def observation_space(self, agent):
        wide = self.wrong == "spaces" and agent == self.possible_agents[-1]
        return Box(-9, 9, (3 if wide else 2,), numpy.float64)

    def action_space(self, agent):
        return Discrete(3) if self.space == "discrete" else Box(-1, 1, (1,), numpy.float32)

    def reset(self, seed=None, options=None):
        if self.wrong == "case":
            raise RuntimeError(f"the case is {(options or {}).get('case')}")
        self.random = numpy.random.default_rng(seed)
        self.x = {agent: float(self.random.uniform(-0.5, 0.5)) for agent in self.possible_agents}
        self.agents, self.late, self.t = self.possible_agents[:-1], self.possible_agents[-1], 0
        return self.observe(self.agents), {agent: {} for agent in self.agents}

    def observe(self, agents):
        return {agent: numpy.array([self.x[agent], self.t / 16]) for agent in agents}

    def step(self, actions):
        assert sorted(actions) == sorted(self.agents), (actions, self.agents)
        if self.wrong == "raises" and self.t == 4:
            raise RuntimeError("the walkers fell asleep")
        self.t += 1
        acted, over = self.agents, self.t >= self.length
        for agent in acted:
            self.x[agent] += 0.2 * float(actions[agent][0]) + 0.02 * float(self.random.standard_normal())
        terminations = {agent: abs(self.x[agent]) > 1 for agent in acted}
        truncations = {agent: over or bool(self.random.random() < 0.02) for agent in acted}
        rewards = {agent: -self.x[agent] ** 2 for agent in acted}
        self.agents = [agent for agent in acted if not terminations[agent] and not truncations[agent]]
        observations = self.observe(acted)
        if self.t == 7 and len(self.agents) > 1:  # one leaves without a word
            gone = self.agents.pop()
            for what in (observations, terminations, truncations):
                del what[gone]
        if self.t == 9 and not over and self.late not in acted:
            self.agents.append(self.late)
            observations.update(self.observe([self.late]))
        return observations, rewards, terminations, truncations, {agent: {} for agent in acted}

    def close(self):
        pass


def parallel_env(**options):
    return Walkers(**options)

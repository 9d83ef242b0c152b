"""The Python part of gym: on its own: spaces, order, bounds, types, and the loop against a stand-in for libcorsac_sim."""

import os
import sys
import unittest

here = os.path.dirname(os.path.abspath(__file__))
sys.path[0:0] = [here, os.path.join(here, "../../../common/sim")]
import corsac_gym
import gymnasium
import numpy
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Tuple


class Observations(unittest.TestCase):
    def flat(self, space, observation):
        flattener = corsac_gym.Flattener(space)
        out = numpy.full(flattener.size, numpy.nan, numpy.float32)
        flattener(observation, out)
        return out

    def test_box_is_row_major(self):
        out = self.flat(Box(-9, 9, (2, 3), numpy.float64), numpy.arange(6.0).reshape(2, 3).T.copy().T)
        self.assertEqual(out.tolist(), [0, 1, 2, 3, 4, 5])

    def test_float64_is_rounded_to_float32(self):
        self.assertEqual(self.flat(Box(-1, 1, (1,), numpy.float64), numpy.array([0.1]))[0], numpy.float32(0.1))

    def test_images_are_their_numbers(self):
        image = numpy.array([[[0, 255]], [[7, 8]]], numpy.uint8)
        self.assertEqual(self.flat(Box(0, 255, (2, 1, 2), numpy.uint8), image).tolist(), [0, 255, 7, 8])

    def test_keys_are_sorted_and_tuples_in_order(self):
        one = Box(-9, 9, (1,))
        space = Dict({"z": one, "a": Tuple((one, Dict({"y": one, "b": one})))})
        observation = {"z": [4], "a": ([1], {"y": [3], "b": [2]})}
        self.assertEqual(self.flat(space, observation).tolist(), [1, 2, 3, 4])

    def test_gymnasium_flattens_in_the_same_order(self):
        space = gymnasium.make("corsac_test_envs:test/Nested-v0").observation_space
        sample = space.sample()
        self.assertEqual(self.flat(space, sample).tolist(), gymnasium.spaces.flatten(space, sample).astype(numpy.float32).tolist())

    def test_other_spaces_are_named(self):
        for space, words in (
            (Discrete(3), "the observation is a Discrete(3)"),
            (Dict({"x": Tuple((Discrete(3),))}), "the observation['x'][0] is a Discrete(3)"),
            (MultiBinary(4), "MultiBinary(4)"),
        ):
            with self.assertRaises(corsac_gym.Unsupported) as caught:
                corsac_gym.Flattener(space)
            self.assertIn(words, str(caught.exception))
            self.assertIn("possible are Box", str(caught.exception))
        with self.assertRaises(corsac_gym.Unsupported):
            corsac_gym.Flattener(Dict({}))

    def test_a_shape_that_is_not_the_space_s_is_refused(self):
        for wrong in (numpy.zeros(6), numpy.zeros((1, 3)), 0.0):
            with self.assertRaisesRegex(ValueError, r"its space says \(2, 3\)"):
                self.flat(Box(-9, 9, (2, 3)), wrong)


class Actions(unittest.TestCase):
    def test_bounds(self):
        low, high = corsac_gym.action_bounds(Box(numpy.array([[-1.0, 0.0]]), numpy.array([[0.1, 7.0]]), dtype=numpy.float64))
        self.assertEqual((low.tolist(), high.tolist()), ([-1, 0], [0.1, 7]))

    def test_refused_spaces_are_named(self):
        for space, words in ((Discrete(4), "Discrete(4)"), (Box(1, 1, (1,)), "component 0")):
            with self.assertRaises(corsac_gym.Unsupported) as caught:
                corsac_gym.action_bounds(space)
            self.assertIn(words, str(caught.exception))

    def test_unbounded_is_corsac_s_to_judge(self):
        low, high = corsac_gym.action_bounds(Box(numpy.array([-1, -numpy.inf]), numpy.array([1, 2])))
        self.assertEqual((low.tolist(), high.tolist()), ([-1, -numpy.inf], [1, 2]))

    def test_type_and_shape(self):
        numbers = [0.5, -1.5]
        for kind in (numpy.float32, numpy.float64):
            action = corsac_gym.action_maker(Box(-2, 2, (2, 1), kind))(numbers)
            self.assertEqual((action.dtype, action.shape, action.tolist()), (kind, (2, 1), [[0.5], [-1.5]]))
        action = corsac_gym.action_maker(Box(-3, 3, (2,), numpy.int64))([2.6, -2.9])
        self.assertEqual((action.dtype, action.tolist()), (numpy.int64, [3, -3]))


class Arguments(unittest.TestCase):
    def test_values(self):
        name, options = corsac_gym.split_name('m:A-v0?g=9.81&n=3&on=true&no=null&who=ann&s="1"&l=[1,2]&e=&m=a%26b%3D100%25&d={"a":"?"}')
        self.assertEqual(name, "m:A-v0")
        self.assertEqual(options, {"g": 9.81, "n": 3, "on": True, "no": None, "who": "ann", "s": "1", "l": [1, 2], "e": "",
                                   "m": "a&b=100%", "d": {"a": "?"}})
        self.assertEqual(corsac_gym.split_name("A-v0"), ("A-v0", {}))
        self.assertEqual(corsac_gym.split_name("A-v0?"), ("A-v0", {}))

    def test_refused(self):
        for query, words in (("g", "'g' in"), ("=1", "'=1' in"), ("a b=1", "'a b=1' in"), ("g=1&g=2", "g is given twice"),
                             ("on=True", "write true"), ("on=None", "write null"), ("g=.5", "write a number"), ("g=nan", "write a number")):
            with self.assertRaises(corsac_gym.Unsupported) as caught:
                corsac_gym.split_name("A-v0?" + query)
            self.assertIn(words, str(caught.exception))

    def test_they_reach_the_environment(self):
        env = corsac_gym.make("corsac_test_envs:test/Arguments-v0?gain=3&name=x&max_episode_steps=4")
        self.assertEqual((env.unwrapped.gain, env.unwrapped.name, env.spec.max_episode_steps), (3, "x", 4))

    def test_wrappers(self):
        env = corsac_gym.wrap(corsac_gym.make("corsac_test_envs:test/Box-v0"), "corsac_test_envs:Doubled, corsac_test_envs:plus_one")
        env.reset(seed=1)
        self.assertEqual(env.step(numpy.array([1, 0], numpy.float32))[1], -1 * 2 + 1)

    def test_refused_wrappers(self):
        for name, words in (("no_such_module:x", "No module named"), ("corsac_test_envs:nobody", "nobody"), ("corsac_test_envs", "module:name"),
                            ("corsac_test_envs:nothing", "returned a NoneType")):
            with self.assertRaises(corsac_gym.Unsupported) as caught, open(os.devnull, "w") as sys.stderr:
                try:
                    corsac_gym.wrap(corsac_gym.make("corsac_test_envs:test/Box-v0"), name)
                finally:
                    sys.stderr = sys.__stderr__
            self.assertIn(words, str(caught.exception))


class Infos(unittest.TestCase):
    def info(self, asked, name="Info"):
        named = corsac_gym.Info(corsac_gym.make(f"corsac_test_envs:test/{name}-v0"), asked)
        return named.names, named.rules, named

    def test_auto(self):
        names, rules, named = self.info("auto")
        self.assertEqual(names, ["is_success", "t", "energy_kinetic", "energy_left_arm"])
        self.assertEqual(rules, [1, 0, 0, 0])
        values = named({"t": numpy.array([[3]]), "is_success": True, "Energy": {"kinetic": numpy.float32(0.5)}, "text": "x", "more": 7})
        self.assertEqual(values[:3], [1, 3, 0.5])
        self.assertNotEqual(values[3], values[3])

    def test_given(self):
        self.assertEqual(self.info("t:max, task_success,late")[:2], (["t", "task_success", "late"], [2, 1, 0]))
        self.assertEqual(self.info("none")[:2], ([], []))
        self.assertEqual(self.info("auto", "Nested")[:2], ([], []))

    def test_too_many(self):
        with open(os.devnull, "w") as sys.stderr:
            try:
                names, _, _ = self.info("auto", "Talkative")
            finally:
                sys.stderr = sys.__stderr__
        self.assertEqual((len(names), names[0], names[1]), (16, "success", "value_0"))

    def test_refused(self):
        for asked, words in (("T", "names of a-z"), ("t:sum", "mean|last|max"), ("", "names of a-z"), ("t,t", "twice"),
                             (",".join(f"a{i}" for i in range(17)), "one more than 16")):
            with self.assertRaises(corsac_gym.Unsupported) as caught:
                self.info(asked)
            self.assertIn(words, str(caught.exception))


class StandIn:
    """For corsac_sim.Sim: wants two episodes, cuts each after `steps`, and writes down what it gets."""

    case = ""

    def __init__(self, act_dim, action=0.5, episodes=2, steps=10**6):
        self.action, self.left, self.steps = [action] * act_dim, episodes, steps
        self.got, self.acting = [], False

    wanted = property(lambda self: self.left > 0)
    seed = property(lambda self: 2**63 + 5 + self.left)

    def begin(self, obs):
        self.got.append([(obs.tolist(), None, None)])
        self.acting = True
        return self.action

    def step(self, obs, reward, terminated, truncated):
        self.got[-1].append((obs.tolist(), reward, (terminated, truncated)))
        self.acting = not terminated and not truncated and len(self.got[-1]) <= self.steps
        self.left -= not self.acting
        return self.action


class Loop(unittest.TestCase):
    pictures = 0

    def take_picture(self):
        self.pictures += 1

    def drive(self, name, **given):
        env = gymnasium.make(f"corsac_test_envs:test/{name}-v0", disable_env_checker=True)
        sim = StandIn(int(numpy.prod(env.action_space.shape)), **given)
        self.pictures = 0
        corsac_gym.drive(env, sim, self.take_picture, corsac_gym.Info(env, "none"))
        self.assertGreaterEqual(self.pictures, sum(len(episode) for episode in sim.got))
        return sim.got

    def test_seed_action_and_reward(self):
        got = self.drive("Box")
        self.assertEqual([episode[0][0][0] for episode in got], [7, 6])  # the lower bits of the seed
        self.assertEqual(got[0][3][0][1:], [3, 0.5, 0.5, numpy.float32(0.1), numpy.float32(1 / 3)])
        self.assertEqual(got[0][3][1], -0.5)

    def test_a_time_limit_truncates(self):
        self.assertEqual([flags for _, _, flags in self.drive("Box")[0]], [None] + [(False, False)] * 9 + [(False, True)])

    def test_termination(self):
        got = self.drive("Nested")[1]
        self.assertEqual(got[0][0], [1, 2, 3, 4, 5, 6, 7])
        self.assertEqual([flags for _, _, flags in got], [None] + [(False, False)] * 4 + [(True, False)])

    def test_both_and_the_final_observation(self):
        last = self.drive("Ends")[0][-1]
        self.assertEqual(last[2], (True, True))
        self.assertEqual(last[0], [-1] * 6)

    def test_corsac_cuts_an_episode(self):
        self.assertEqual([len(episode) for episode in self.drive("Box", steps=3)], [4, 4])

    def test_integer_actions(self):
        self.assertEqual(self.drive("Rounded", action=2.7)[0][1][0][2:4], [3, 3])

    def test_what_the_environment_raises_comes_through(self):
        try:
            self.drive("RaiseAlways")
        except RuntimeError as error:  # assertRaises would take its traceback away
            line = corsac_gym.one_line(error)
        self.assertRegex(line, r"^RuntimeError: the mesh is gone \(corsac_test_envs.py, line \d+\)$")

    def test_make_names_what_is_missing(self):
        for name in ("no_such_module:A-v0", "NoSuchTask-v0"):
            with self.assertRaisesRegex(corsac_gym.Unsupported, name):
                corsac_gym.make(name)


if __name__ == "__main__":
    unittest.main()

"""corsac/sim.h for Python, in one file. Makes a simulator with a main loop of its own an environment of corsac.

    sim = corsac_sim.Sim("cart", obs_dim=4, action_low=[-1], action_high=[1], max_episode_steps=500)
    while sim.wanted:                                # an episode
        ... start from sim.seed ...
        action = sim.begin(obs)
        while sim.acting:
            ... advance with action ...
            action = sim.step(obs, reward, terminated)
    sim.close()

With save and load a resumed run goes on in the middle of an episode. save() returns the state as bytes, load(bytes) puts
the simulation into it: Sim(..., save=cart.save, load=cart.load). The state is everything that the steps to come depend
on, other than sim.seed. begin and step call save. To load a state, corsac asks for a new episode, as after any other;
begin calls load after the program has put the simulation at its start, and so replaces that start.

With agents=N the simulator has N like agents: obs and action are those of all agents, one behind the other, and
sim.agents(rewards, flags) comes before begin and step. obs is any sequence of obs_dim numbers; a float32 array of NumPy is copied at once. action is a list of floats, the same
list each time. libcorsac_sim.so is looked for where CORSAC_SIM_LIBRARY says, beside this file, and in lib/ beside or
above it.
"""

import ctypes
import os
import traceback

TERMINATED, TRUNCATED = 1, 2
ABSENT, PRESENT = 0, 4  # of an agent, beside these
INFO_MEAN, INFO_LAST, INFO_MAX = 0, 1, 2  # how a named value is summed up: its mean over steps, its last or largest of an episode
_ACT, _BEGIN, _STOP = 0, 1, 2


_StateFunction = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _Spec(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32),
        ("name", ctypes.c_char_p),
        ("obs_dim", ctypes.c_uint32),
        ("act_dim", ctypes.c_uint32),
        ("max_episode_steps", ctypes.c_uint32),
        ("action_low", ctypes.POINTER(ctypes.c_double)),
        ("action_high", ctypes.POINTER(ctypes.c_double)),
        ("info_dim", ctypes.c_uint32),
        ("info_names", ctypes.POINTER(ctypes.c_char_p)),
        ("info_rules", ctypes.POINTER(ctypes.c_uint8)),
        ("save", _StateFunction),
        ("load", _StateFunction),
        ("user", ctypes.c_void_p),
        ("agents", ctypes.c_uint32),
    ]


def _library():
    name = "libcorsac_sim.so"
    given = os.environ.get("CORSAC_SIM_LIBRARY")
    here = os.path.dirname(os.path.realpath(__file__))
    above = [os.path.join(here, *[os.pardir] * up) for up in range(4)]  # PREFIX/share/corsac/python, build/python
    paths = [given] if given else [os.path.join(here, name)] + [os.path.join(path, "lib", name) for path in above]
    for path in paths:
        if os.path.exists(path):
            library = ctypes.CDLL(path)
            break
    else:
        try:
            library = ctypes.CDLL(given or name)  # LD_LIBRARY_PATH
        except OSError as error:
            raise OSError("%s: corsac's `make` puts %s into build/lib, `make install` into PREFIX/lib; "
                          "CORSAC_SIM_LIBRARY names it elsewhere" % (error, name)) from None
    floats = ctypes.POINTER(ctypes.c_float)
    library.corsac_sim_open.argtypes = [ctypes.POINTER(_Spec)]
    library.corsac_sim_open.restype = ctypes.c_void_p
    library.corsac_sim_begin.argtypes = [ctypes.c_void_p, floats, floats]
    library.corsac_sim_step.argtypes = [ctypes.c_void_p, floats, ctypes.c_double, ctypes.c_int, floats]
    library.corsac_sim_seed.argtypes = [ctypes.c_void_p]
    library.corsac_sim_seed.restype = ctypes.c_uint64
    for name in ("corsac_sim_episode", "corsac_sim_env_steps"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
        getattr(library, name).restype = ctypes.c_uint64
    library.corsac_sim_case.argtypes = [ctypes.c_void_p]
    library.corsac_sim_case.restype = ctypes.c_char_p
    library.corsac_sim_info.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_double)]
    library.corsac_sim_info.restype = None
    if hasattr(library, "corsac_sim_agents"):  # an older library has none
        library.corsac_sim_agents.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_uint8)]
        library.corsac_sim_agents.restype = None
    for name in ("put", "get"):
        getattr(library, "corsac_sim_" + name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    library.corsac_sim_left.argtypes = [ctypes.c_void_p]
    library.corsac_sim_left.restype = ctypes.c_size_t
    library.corsac_sim_resumes.argtypes = [ctypes.c_void_p]
    library.corsac_sim_fail.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.corsac_sim_close.argtypes = [ctypes.c_void_p]
    library.corsac_sim_close.restype = None
    return library


def number(value):
    """A float, also from an array of one element, which NumPy 2.4 does not convert by itself."""
    return float(value.item() if hasattr(value, "item") else value)


def refuse(why):
    """Tells corsac why the program cannot even begin, instead of making a Sim. End the program after this."""
    _library().corsac_sim_fail(None, str(why).encode(errors="replace"))


class Sim:
    """One simulator. Raises RuntimeError where corsac cannot be reached or refuses; the reason is on stderr."""

    def __init__(self, name, obs_dim, action_low, action_high, max_episode_steps=0, info_names=(), info_rules=(),
                 save=None, load=None, agents=1):
        if len(action_low) != len(action_high):
            raise ValueError("action_low and action_high have different lengths")
        if info_rules and len(info_rules) != len(info_names):
            raise ValueError("info_rules and info_names have different lengths")
        if (save is None) != (load is None):
            raise ValueError("save and load come together")
        self._library = _library()
        self._next = _BEGIN
        if agents > 1 and not hasattr(self._library, "corsac_sim_agents"):
            raise RuntimeError("libcorsac_sim.so is older than agents: it knows one")
        self._agents = agents
        self._rewards, self._flags = (ctypes.c_double * agents)(), (ctypes.c_uint8 * agents)()
        self._obs = (ctypes.c_float * (agents * obs_dim))()
        self._action = (ctypes.c_float * (agents * len(action_low)))()
        self._info = (ctypes.c_double * len(info_names))()
        self.action = [0.0] * len(self._action)
        self.obs_dim, self.act_dim = agents * obs_dim, agents * len(action_low)  # of all agents together
        names = (ctypes.c_char_p * len(info_names))(*[text.encode() for text in info_names])
        rules = (ctypes.c_uint8 * len(info_names))(*info_rules)
        bounds = ctypes.c_double * len(action_low)
        spec = _Spec(ctypes.sizeof(_Spec), name.encode(), obs_dim, len(action_low), max_episode_steps or 0,
                     bounds(*action_low), bounds(*action_high), len(info_names), names, rules)
        spec.agents = agents
        self._save, self._load = save, load
        self._raised = None  # by save or load, what is no Exception: the library, which is C, cannot pass it on
        if save:
            self._functions = spec.save, spec.load = _StateFunction(self._call_save), _StateFunction(self._call_load)
        self._handle = self._library.corsac_sim_open(ctypes.byref(spec))
        if not self._handle:
            raise RuntimeError("corsac_sim_open failed")

    @property
    def wanted(self):
        """begin comes next."""
        return self._next == _BEGIN

    @property
    def acting(self):
        """step with action comes next."""
        return self._next == _ACT

    @property
    def seed(self):
        return self._library.corsac_sim_seed(self._handle)

    @property
    def episode(self):
        """The number of the episode that begins next."""
        return self._library.corsac_sim_episode(self._handle)

    @property
    def env_steps(self):
        """The steps that the job has made when the next episode begins."""
        return self._library.corsac_sim_env_steps(self._handle)

    @property
    def case(self):
        """With --cases the case of the episode that begins next, and then of that episode; "" where there are none."""
        return self._library.corsac_sim_case(self._handle).decode()

    @property
    def resumes(self):
        """begin will call load, so what puts the simulation at its start may be left out, if that takes long."""
        return bool(self._library.corsac_sim_resumes(self._handle))

    def _call_save(self, handle, _):
        try:
            state = self._save()
            if state is None:  # there is none now
                return 1
            state = memoryview(state).tobytes()
            return self._library.corsac_sim_put(handle, state, len(state))
        except BaseException as error:
            return self._refuse(handle, error)

    def _call_load(self, handle, _):
        try:
            state = ctypes.create_string_buffer(self._library.corsac_sim_left(handle))
            self._library.corsac_sim_get(handle, state, len(state))
            self._load(state.raw)
            return 0
        except BaseException as error:
            return self._refuse(handle, error)

    def _refuse(self, handle, error):
        if not isinstance(error, Exception):
            self._raised = error
        traceback.print_exc()
        return self._library.corsac_sim_fail(handle, ("%s: %s" % (type(error).__name__, error)).encode(errors="replace"))

    def _put(self, obs):
        if len(obs) != self.obs_dim:
            raise ValueError("an observation has %d components, not %d" % (len(obs), self.obs_dim))
        if getattr(obs, "dtype", None) == "float32" and obs.ndim == 1 and obs.flags.c_contiguous:
            ctypes.memmove(self._obs, obs.ctypes.data, 4 * self.obs_dim)
        else:
            self._obs[:] = [number(value) for value in obs]

    def _take(self, result):
        self._next = result
        if self._raised is not None:
            raised, self._raised = self._raised, None
            raise raised
        if result < 0:
            raise RuntimeError("the simulator failed")
        self.action[:] = self._action
        return self.action

    def begin(self, obs):
        self._put(obs)
        return self._take(self._library.corsac_sim_begin(self._handle, self._obs, self._action))

    def step(self, obs, reward, terminated=False, truncated=False):
        self._put(obs)
        flags = (TERMINATED if terminated else 0) | (TRUNCATED if truncated else 0)
        return self._take(self._library.corsac_sim_step(self._handle, self._obs, number(reward), flags, self._action))

    def agents(self, rewards, flags):
        """With several agents: their rewards (None before begin) and flags (PRESENT, TERMINATED, TRUNCATED, ABSENT) of the next begin or step."""
        if rewards is not None:
            self._rewards[:] = rewards
        self._flags[:] = flags
        self._library.corsac_sim_agents(self._handle, self._rewards if rewards is not None else None, self._flags)

    def info(self, values):
        """Gives the values of the next step, in the order of info_names. Call it before that step."""
        self._info[:] = [number(value) for value in values]
        self._library.corsac_sim_info(self._handle, self._info)

    def fail(self, why):
        """Tells corsac why the simulation cannot go on, instead of begin or step. Close and end the program after it."""
        self._next = self._library.corsac_sim_fail(self._handle, str(why).encode(errors="replace"))

    def close(self):
        if self._handle:
            self._library.corsac_sim_close(self._handle)
            self._handle = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None and self._handle and self._next in (_ACT, _BEGIN):
            self.fail("%s: %s" % (kind.__name__, error))
        self.close()

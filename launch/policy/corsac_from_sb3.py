#!/usr/bin/env python3
"""A policy of Stable-Baselines3's SAC for corsac: model.save("sac.zip") becomes an .npz that acts the same.

    python3 corsac_from_sb3.py sac.zip policy.npz [--vecnormalize vecnormalize.pkl] [--env ID]
    corsac train --env gym:ID --init-policy policy.npz

Needs NumPy and PyTorch, not Stable-Baselines3. For MlpPolicy with ReLU (the defaults), any net_arch, without gSDE. What
`corsac export --format onnx`, libcorsac_policy and CORSAC_POLICY do with a policy of corsac's they do with this one.
"""

import argparse
import io
import json
import pickle
import re
import sys
import zipfile


class Refused(Exception):
    pass


def read_bounds(space, given, which):
    """The action space as Stable-Baselines3 writes it beside the pickle: "[-2. 0.5]", of its dtype."""
    text = given if given is not None else space.get(which)
    if text is None or "..." in str(text):
        raise Refused("its action space is not written out; give --action-%s" % which)
    values = np.array([float(x) for x in re.split(r"[\s,]+", str(text).strip(" []\n")) if x])
    return values.astype(space.get("dtype", "float32")).astype(np.float64)


def read_zip(path):
    try:
        with zipfile.ZipFile(path) as file:
            names = set(file.namelist())
            if not {"data", "policy.pth"} <= names:
                raise Refused("is no model that Stable-Baselines3 has saved (no data, no policy.pth in it)")
            data = json.loads(file.read("data"))
            weights = torch.load(io.BytesIO(file.read("policy.pth")), map_location="cpu", weights_only=True)
    except zipfile.BadZipFile:
        raise Refused("is no zip file, as model.save() writes one") from None
    return data, {name: np.ascontiguousarray(w.numpy()) for name, w in weights.items() if name.startswith("actor.")}


def check(data, actor):
    if data.get("use_sde"):
        raise Refused("was trained with gSDE (use_sde=True), which corsac does not have")
    if "actor.latent_pi.0.weight" not in actor or "actor.log_std.weight" not in actor:
        raise Refused("its actor is no squashed Gaussian with hidden layers: only SAC's MlpPolicy can be converted")
    if any(name.startswith("actor.features_extractor.") for name in actor):
        raise Refused("has a feature extractor with weights of its own (CNN, dictionaries): only flat observations can "
                      "be converted")
    activation = str((data.get("policy_kwargs") or {}).get("activation_fn", "ReLU"))
    if not re.search(r"\bReLU\b", activation):
        raise Refused("has the activation %s; corsac has ReLU" % activation)


def convert(data, actor):
    arrays = {}
    hidden = sorted(int(name.split(".")[2]) for name in actor if re.fullmatch(r"actor\.latent_pi\.\d+\.weight", name))
    for number, index in enumerate(hidden):
        for part in ("weight", "bias"):
            arrays["layer%d.%s" % (number, part)] = actor["actor.latent_pi.%d.%s" % (index, part)]
    for to, name in (("mean", "mu"), ("log_std", "log_std")):
        for part in ("weight", "bias"):
            arrays["%s.%s" % (to, part)] = actor["actor.%s.%s" % (name, part)]
    arrays["env_steps"] = np.int64(data.get("num_timesteps", 0))
    return arrays


class Stub:
    """Stands for every class but NumPy's arrays: a VecNormalize is read for its numbers, and nothing of it is run."""

    def __init__(self, *arguments, **named):
        pass

    def __setstate__(self, state):
        if isinstance(state, dict):
            self.__dict__.update(state)


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "_frombuffer", "scalar", "ndarray", "dtype"):
            return super().find_class(module, name)
        return type(name, (Stub,), {})


def read_normalizer(path):
    with open(path, "rb") as file:
        normalize = Unpickler(file).load()
    statistics = getattr(normalize, "obs_rms", None)
    if statistics is None or not hasattr(statistics, "mean"):
        raise Refused("%s holds no statistics of observations, as VecNormalize.save() writes them" % path)
    if not getattr(normalize, "norm_obs", True):
        return {}
    if normalize.clip_obs != 10 or normalize.epsilon != 1e-8:
        raise Refused("%s: clip_obs is %g and epsilon %g; corsac has 10 and 1e-8" %
                      (path, normalize.clip_obs, normalize.epsilon))
    count = max(2, round(float(statistics.count)))
    mean, variance = (np.ravel(np.asarray(x, np.float64)) for x in (statistics.mean, statistics.var))
    return {"obs_mean": mean, "obs_m2": variance * count, "obs_count": np.int64(count)}


def run(arguments):
    data, actor = read_zip(arguments.model)
    check(data, actor)
    arrays = convert(data, actor)
    space = data.get("action_space") or {}
    for which in ("low", "high"):
        arrays["action_" + which] = read_bounds(space, getattr(arguments, "action_" + which), which)
    dimensions = arrays["mean.weight"].shape[0]
    if arrays["action_low"].shape != (dimensions,) or arrays["action_high"].shape != (dimensions,):
        raise Refused("its action space has not %d components as its actor; give --action-low and --action-high" %
                      dimensions)
    for i, (low, high) in enumerate(zip(arrays["action_low"].tolist(), arrays["action_high"].tolist())):
        if not (low < high and np.isfinite(high - low)):
            raise Refused("the bounds of action component %d are [%g, %g]; they have to be finite, low < high, with a "
                          "finite difference" % (i, low, high))
    if arguments.vecnormalize:
        arrays.update(read_normalizer(arguments.vecnormalize))
    arrays["env"] = np.array(arguments.env)
    arrays["corsac_policy"] = np.int64(1)
    np.savez(arguments.output, **arrays)
    widths = [arrays["layer%d.bias" % i].size for i in range(9) if "layer%d.bias" % i in arrays]
    print("%s: obs_dim %d, hidden %s, act_dim %d%s" %
          (arguments.output, arrays["layer0.weight"].shape[1], ",".join(map(str, widths)), dimensions,
           ", normalised" if "obs_mean" in arrays else ""))


def main():
    global np, torch
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="what model.save() wrote")
    parser.add_argument("output", help="the .npz to write")
    parser.add_argument("--vecnormalize", metavar="FILE", help="what VecNormalize.save() wrote, where one was around it")
    parser.add_argument("--env", default="", metavar="ID", help="the environment's name, to be told by who reads it")
    parser.add_argument("--action-low", metavar="'X ...'", help="the bounds, where the file does not tell them")
    parser.add_argument("--action-high", metavar="'X ...'")
    arguments = parser.parse_args()
    if not arguments.output.endswith(".npz"):
        parser.error("the output is an .npz: %s.npz" % arguments.output)
    try:
        import numpy as np
        import torch
    except ImportError as error:
        sys.exit("corsac_from_sb3.py: %s; it needs NumPy and PyTorch, as where the model was trained" % error)
    try:
        run(arguments)
    except (Refused, OSError, ValueError, KeyError, pickle.UnpicklingError, RuntimeError) as error:
        sys.exit("corsac_from_sb3.py: %s: %s" % (arguments.model, error))


if __name__ == "__main__":
    main()

"""Checkpoints through h5py, for the scripts beside this file.

  same A B [NAME...]  every dataset and attribute agrees bit for bit, but for what names time and place, and NAMEs; prints the differences
  damage KIND FILE    makes the file wrong in one way, with good checksums; links and storage lead into the pipe FILE.fifo
  hold FILE           has it open for writing, says so, until its standard input ends
"""
import os
import sys

import h5py
import numpy as np

# What a resumed run may have different: when it was written, how long it took, and the options of one start.
TIMES = {"@created", "/config", "/learner/seconds", "/learner/last_seconds", "/learner/learner_wait", "/learner/actor_wait",
         "/actors@host_seconds"}


def contents(path):
    found = {}

    def visit(name, item):
        prefix = "/" + name if name else ""
        for key, value in item.attrs.items():
            found[prefix + "@" + key] = value
        if isinstance(item, h5py.Dataset):
            found[prefix] = item[()]

    with h5py.File(path, "r") as file:
        visit("", file)
        file.visititems(visit)
    return {name: np.asarray(value) for name, value in found.items() if name not in TIMES}


def bits(value):
    return (value.dtype, value.shape, value.tolist() if value.dtype.hasobject else value.tobytes())


def same(left, right, *ignored):
    a, b = contents(left), contents(right)
    different = [name for name in sorted(a.keys() | b.keys()) 
                 if name not in ignored and (name not in a or name not in b or bits(a[name]) != bits(b[name]))]
    for name in different:
        print("differs:", name, a.get(name), b.get(name))
    return len(different) == 0 and len(a) > 20


def replace(file, name, value):
    del file[name]
    file.create_dataset(name, data=value, chunks=value.shape, fletcher32=True)


def link(file, name, to):
    del file[name]
    file[name] = to


def store(file, name, path):
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape=shape, dtype=dtype, external=[(path, 0, h5py.h5f.UNLIMITED)])


def damage(kind, path):
    with h5py.File(path, "r+") as file:
        if kind == "version":
            file.attrs["format_version"] = np.array(99, file.attrs["format_version"].dtype)
        elif kind == "foreign":
            for name in list(file):
                del file[name]
            for name in list(file.attrs):
                del file.attrs[name]
        elif kind == "policy-shape":
            replace(file, "policy/layer0/weight", np.zeros((9, 3), np.float32))
        elif kind == "policy-missing":
            del file["policy/mean/bias"]
        elif kind == "policy-type":
            replace(file, "policy/mean/bias", file["policy/mean/bias"][:].astype(np.float64))
        elif kind == "policy-nan":
            file["policy/layer0/weight"][0, 0] = np.nan
        elif kind == "critic-missing":
            del file["critics/1"]
        elif kind == "optimizer-missing":
            del file["optimizer"]
        elif kind == "replay-shape":
            replace(file, "replay/obs", file["replay/obs"][:][:, :2])
        elif kind == "replay-size":
            size = file["replay/size"]
            size[...] = np.full(size.shape, 1 << 40, np.uint64).astype(size.dtype)
        elif kind == "env-dim":
            file["env"].attrs["obs_dim"] = np.array(4000000000, np.uint32).astype(file["env"].attrs["obs_dim"].dtype)
        elif kind == "config-missing":
            del file["config"]
        elif kind == "config-wrong":
            replace(file, "config", np.array([b"hidden: a\n"]))
        elif kind == "actors-missing":
            del file["actors"]
        elif kind == "cursor-missing":
            del file["replay/cursor"]
        elif kind == "head-missing":
            del file["critics/0/q/weight"]
        elif kind == "moments-infinite":
            file["optimizer/critics/v"][0] = np.inf
        elif kind == "soft-link":
            link(file, "policy/mean", h5py.SoftLink("/targets"))
        elif kind == "external-link":
            link(file, "policy/mean", h5py.ExternalLink(path + ".fifo", "/x"))
        elif kind == "external-storage":
            store(file, "policy/mean/weight", path + ".fifo")
        else:
            sys.exit("no such damage: " + kind)
    return True


def hold(path):
    with h5py.File(path, "r+"):
        print("held", flush=True)
        sys.stdin.read()
    return True


if __name__ == "__main__":
    if sys.argv[1] == "damage" and not os.path.exists(sys.argv[3] + ".fifo"):
        os.mkfifo(sys.argv[3] + ".fifo")
    sys.exit(0 if {"same": same, "damage": damage, "hold": hold}[sys.argv[1]](*sys.argv[2:]) else 1)

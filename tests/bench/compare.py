"""Measures for compare.sh: each subject of a group in turn, round by round; medians, quartiles and ratios of the rounds."""
import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORSAC, PLUGIN, MPIRUN = os.environ["CORSAC"], os.environ["PLUGIN"], shlex.split(os.environ["MPIRUN"])
READY_SECONDS, ROUND_SECONDS = 900, 120  # that a program may take until it is ready (compiles), and for a round


def say(*words):
    print("compare.py:", *words, file=sys.stderr, flush=True)


class LeftOut(Exception):
    """This subject cannot be measured here, and why."""


# --- subjects: round(seconds) -> {subject: rate} ---


def command_output(command, seconds):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LeftOut(str(error)) from None
    if done.returncode != 0:
        raise LeftOut((done.stderr.strip().splitlines() or ["no word"])[-1])
    return done.stdout


class Bench:
    """`corsac bench`, started anew in each round."""

    def __init__(self, name, kind, words, figure, cores, ranks=1):
        self.name, self.figure, self.versions = name, figure, {}
        self.command = [*pin(cores), *(MPIRUN + ["-n", str(ranks)] if ranks > 1 else []), CORSAC, "bench", kind, "--json", *words]

    def round(self, seconds):
        rounds = 5
        result = json.loads(command_output([*self.command, "--rounds", str(rounds), "--seconds", str(seconds / rounds / 2)], ROUND_SECONDS))
        self.versions = {key: result[key] for key in ("blas_core", "backend")[: 1 if "--backend" in self.command else 2]}
        figure = next(figure for figure in result["figures"] if figure["name"] == self.figure)
        rates = {self.name: figure["value"]}
        if result["benchmark"] == "learner":
            rates[self.name.replace("corsac", "limit beside corsac")] = figure["limit"]
        return rates

    def close(self):
        pass


class Worker:
    """One of the Python programs: it waits while others are measured. names: what it measures -> the subject."""

    def __init__(self, names, script, words, cores):
        threads = str(len(cores))
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
                       "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        command = [*pin(cores), sys.executable, str(HERE / script), *words, "--threads", threads, "--serve"]
        self.log = open(f"{OPTIONS.out}/{script}.log", "a+")
        self.at = self.log.tell()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        self.names = names
        try:
            self.versions = json.loads(self.line(READY_SECONDS))
        except LeftOut:
            self.close()
            raise

    def line(self, seconds):
        import selectors

        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            text = self.process.stdout.readline() if selector.select(seconds) else ""
        if text:
            return text
        self.log.seek(self.at)
        said = self.log.read().strip().splitlines()
        raise LeftOut(said[-1] if said else f"no answer within {seconds} s")

    def round(self, seconds):
        rates = {}
        for kind, name in self.names.items():
            if kind not in self.versions.get("ways", {kind: ""}):
                continue
            self.process.stdin.write(f"{kind} {seconds}\n")
            self.process.stdin.flush()
            rates[name] = float(self.line(ROUND_SECONDS))
        return rates

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.log.close()


# --- groups: what is compared with what ---


def pin(cores):
    return ["taskset", "-c", ",".join(map(str, cores))]


def backends():
    """The backends that `corsac options` offers, without auto; [None]: there is no choice."""
    listed = re.search(r"^  --backend .*(?:\n   .*)*", command_output([CORSAC, "options"], 60), re.M)
    found = [name for name in ("tiles", "openblas") if listed and re.search(rf"\b{name}\b", listed[0])]
    return found or [None]


def update_group(name, obs, act, hidden, batch):
    def subjects(cores):
        words = ["--obs-dim", str(obs), "--act-dim", str(act), "--hidden", hidden, "--batch-size", str(batch)]
        for backend in backends():
            label = "corsac, " + backend if backend else "corsac"
            yield lambda b=backend, n=label: Bench(n, "learner", words + (["--backend", b] if b else []), "update", cores)
        words = ["--obs", str(obs), "--act", str(act), "--hidden", hidden, "--batch", str(batch)]
        yield lambda: Worker({"compiled": "PyTorch compiled", "eager": "PyTorch eager"}, "torch_sac.py", words, cores)

    return {"name": name, "unit": "updates/s", "cores": 1, "seconds": 1, "subjects": subjects}


def recipe_group(recipe, cores):
    def subjects(cores):
        threads = str(len(cores))
        words = ["--recipe", recipe, "--backend", "tiles", "--learner-threads", threads]
        yield lambda: Bench("corsac, tiles", "learner", words, "update", cores)
        yield lambda: Worker({"compiled": "PyTorch compiled", "eager": "PyTorch eager"}, "torch_recipes.py", [recipe], cores)

    plural = "s" if cores > 1 else ""
    return {"name": f"recipe: {recipe}, obs 17, act 6, {cores} core{plural}", "unit": "updates/s", "cores": cores, "seconds": 2, "subjects": subjects}


def train_group(name, env, theirs, hidden, batch, cores):
    def subjects(cores):
        words = ["--env", env, "--hidden", hidden, "--batch-size", str(batch)]
        label = f"corsac train, {len(cores)} processes" if len(cores) > 1 else "corsac train, 1 process"
        if env:
            yield lambda: Bench(label, "train", words, "environment steps", cores, len(cores))
        words = ["--env", theirs, "--hidden", hidden, "--batch", str(batch)]
        for library, label in (("sbx", "SBX (JAX)"), ("sb3", "Stable-Baselines3 (PyTorch)")):
            yield lambda n=library, t=label: Worker({"train": t}, "baselines.py", [n, *words], cores)

    return {"name": name, "unit": "environment steps/s", "cores": cores, "seconds": 2, "subjects": subjects}


GROUPS = [
    update_group("update: obs 17, act 6, 2x256, batch 256", 17, 6, "256,256", 256),
    update_group("update: obs 348, act 17, 2x256, batch 256", 348, 17, "256,256", 256),
    update_group("update: obs 17, act 6, 3x512, batch 1024", 17, 6, "512,512,512", 1024),
    update_group("update: obs 3, act 1, 2x64, batch 100", 3, 1, "64,64", 100),
    *(recipe_group(recipe, cores) for recipe in ("xqc", "flashsac") for cores in (1, 2)),
    train_group("train: Pendulum-v1, 2x64, batch 100, 1 core", "Pendulum-v1", "Pendulum-v1", "64,64", 100, 1),
    train_group("train: Pendulum-v1, 2x64, batch 100, 2 cores", "Pendulum-v1", "Pendulum-v1", "64,64", 100, 2),
    train_group("train: obs 17, act 6 (linear), 2x256, batch 256, 1 core", PLUGIN, "linear", "256,256", 256, 1),
    train_group("train: obs 17, act 6 (linear), 2x256, batch 256, 2 cores", PLUGIN, "linear", "256,256", 256, 2),
]
MUJOCO = train_group("train: HalfCheetah-v5 (Gymnasium), the rivals alone, 1 core", "", "HalfCheetah-v5", "256,256", 256, 1)


def measure(group, options):
    """The group's record: rates of each subject by round, versions, why something was left out."""
    cores = sorted(os.sched_getaffinity(0))[-group["cores"] :]
    version = command_output([CORSAC, "--version"], 60).split()[-1]
    record = {"group": group["name"], "unit": group["unit"], "cores": cores, "rounds": {}, "versions": {"corsac": version},
              "left_out": [], **machine()}
    if len(cores) < group["cores"]:
        record["left_out"].append(f"all: needs {group['cores']} cores")
        return record
    running, seconds = [], 0.2 if options.quick else group["seconds"]

    def attempt(subject, what):
        try:
            return what()
        except LeftOut as error:
            record["left_out"].append(str(error))
            say("left out:", error)
            if subject in running:
                running.remove(subject)
            return None

    try:
        for make in group["subjects"](cores):
            subject = attempt(None, make)
            if subject and attempt(subject, lambda: subject.round(seconds)):  # warm
                running.append(subject)
        for number in range(options.rounds):
            for subject in list(running):
                for name, rate in (attempt(subject, lambda: subject.round(seconds)) or {}).items():
                    record["rounds"].setdefault(name, []).append(round(rate, 3))
            say(f"{group['name']}: round {number + 1} of {options.rounds}")
    finally:
        for subject in running:
            record["versions"].update(subject.versions)
            subject.close()
    return record


# --- what is printed ---


def machine():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return {"machine": f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores",
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "load": round(os.getloadavg()[0], 2)}


def summary(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    form = (lambda x: f"{x:,.0f}") if middle >= 100 else (lambda x: f"{x:.3g}")
    return f"{form(middle)} ({form(low)}..{form(high)})"


def table(record):
    """Rows of text: figure, quartiles, and how many times as fast the corsac subjects are."""
    rounds = record["rounds"]
    ours = [name for name in rounds if name.startswith("corsac")]
    yield ["", record["unit"] + ": median (quartiles)", *(f"{name}: times as fast" for name in ours)]
    for name, values in rounds.items():
        ratios = [statistics.median(a / b for a, b in zip(rounds[mine], values)) for mine in ours]
        yield [name, summary(values), *("" if mine == name else f"{ratio:.2f}" for mine, ratio in zip(ours, ratios))]


def versions(record):
    return ", ".join(f"{key} {value if isinstance(value, str) else '; '.join(value.values())}" for key, value in record["versions"].items())


def as_text(records):
    for record in records:
        yield f"{record['group']}   [{record['date']}, {record['machine']}, load {record['load']}]"
        rows = list(table(record))
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        yield from (f"  left out: {why}" for why in record["left_out"])
        yield ""


def as_markdown(records):
    for record in records:
        rows = list(table(record))
        yield f"**{record['group']}**; {record['date']}, {record['machine']}, load {record['load']}; {versions(record)}\n"
        for number, row in enumerate(rows):
            yield "| " + " | ".join(row) + " |"
            if number == 0:
                yield "|---" * len(row) + "|"
        yield from (f"\nLeft out: {why}" for why in record["left_out"])
        yield ""


def replace_results(text):
    """The part of RESULTS.md between the two marks."""
    path = HERE / "RESULTS.md"
    begin, end = "<!-- compare.sh --results writes from here -->\n", "<!-- to here -->\n"
    old = path.read_text()
    if old.count(begin) != 1 or old.count(end) != 1:
        raise SystemExit(f"{path}: the marks between which compare.sh writes are missing")
    path.write_text(old[: old.index(begin)] + begin + "\n" + text + old[old.index(end) :])


def write(records, options):
    (options.out / "results.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (options.out / "compare.txt").write_text("\n".join(as_text(records)) + "\n")
    markdown = "\n".join(as_markdown(records)) + "\n"
    (options.out / "compare.md").write_text(markdown)
    if options.results:
        replace_results(markdown)


def main():
    groups = GROUPS + ([MUJOCO] if OPTIONS.mujoco else [])
    if OPTIONS.only == "list":
        print("\n".join(group["name"] for group in groups))
        return
    chosen = [group for group in groups if OPTIONS.only in group["name"]]
    if not chosen:
        sys.exit(f"compare.py: no group has '{OPTIONS.only}' in its name; --only list lists them")
    results = OPTIONS.out / "results.jsonl"
    kept = [json.loads(line) for line in open(results)] if OPTIONS.only and results.exists() else []
    records = {record["group"]: record for record in kept}
    for group in chosen:
        records[group["name"]] = measure(group, OPTIONS)
        order = [group["name"] for group in GROUPS + [MUJOCO]]
        write(sorted(records.values(), key=lambda record: order.index(record["group"])), OPTIONS)
    print("\n".join(as_text([records[group["name"]] for group in chosen])))
    say(f"wrote {OPTIONS.out}/results.jsonl, compare.txt, compare.md")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int)
    for name in ("quick", "mujoco", "results"):
        parser.add_argument("--" + name, action="store_true")
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 2 if options.quick else 7
    if options.rounds < 1:
        parser.error("--rounds: must be at least 1")
    return options


if __name__ == "__main__":
    OPTIONS = arguments()
    main()

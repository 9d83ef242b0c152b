#include "common/config/options.h"
#include "launch/command.h"

#include <stdio.h>
#include <string.h>

static const char *const PROGRAM =
    "corsac: distributed Soft Actor-Critic. Rank 0 learns, the other MPI ranks run environments.\n"
    "\n"
    "  corsac train      train a policy, or resume a run\n"
    "  corsac eval       run evaluation episodes with a trained policy\n"
    "  corsac inspect    what a checkpoint holds, and whether it is whole\n"
    "  corsac envs       the built-in environments\n"
    "  corsac check-env  an environment of yours against every rule that corsac relies on\n"
    "  corsac new-env    a directory to begin an environment in: C, C++ or Fortran\n"
    "  corsac options    every option of `train`, with default, range and what a resume may change\n"
    "  corsac bench      measure this machine: the update, replay, actors, messages, checkpoints, each beside its "
    "limit\n"
    "  corsac cluster    a script for a batch system, filled in: Slurm, PBS, LSF, or machines of your own\n"
    "  corsac doctor     looks at this machine, or under mpirun at all of a job's: what is wrong, and how to mend it\n"
    "  corsac help NAME  more about one of these (or NAME --help)\n"
    "  corsac --version\n"
    "\n"
    "A first run, in one process and on 9 ranks (1 learns, 8 act):\n"
    "  corsac train --env Pendulum-v1\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac train --env Pendulum-v1 --run-dir runs/p1\n"
    "  corsac eval runs/p1\n"
    "\n"
    "Exit status: 0 done, 1 failure, 2 wrong usage, 75 stopped by a signal or a time limit with a checkpoint saved.\n";

static const char *const TRAIN =
    "corsac train --env NAME [options]           a new run\n"
    "corsac train --resume RUN [options]         goes on in the run directory RUN from its newest good checkpoint\n"
    "corsac train --resume FILE --run-dir DIR    goes on from one checkpoint in a new run directory\n"
    "corsac train --resume auto --run-dir DIR    goes on in DIR if it holds a checkpoint, else begins there\n"
    "\n"
    "Under mpirun rank 0 learns and the others act; without it one process does both. Later values win: defaults, the "
    "preset of the\n"
    "environment, --config FILE (YAML, `corsac options --yaml` writes one), the command line. USR1, INT or TERM save a "
    "checkpoint\n"
    "and end the run with exit status 75.\n"
    "\n"
    "Examples:\n"
    "  corsac train --env Pendulum-v1 --run-dir runs/p1\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac train --env Pendulum-v1 --run-dir runs/p1\n"
    "  mpirun --bind-to none -n 65 corsac train --env ./solver.so:mesh=fine --utd 0.5 --learner-threads 4 --max-hours "
    "11.5\n"
    "  corsac train --resume runs/p1 --env-steps 2000000\n"
    "\n"
    "Options (in YAML with underscores):\n"
    "\n";

static const char *const EVAL =
    "corsac eval RUN|FILE [options]\n"
    "\n"
    "Runs episodes with the policy of RUN's newest good checkpoint, or of one file (best.h5 too). Actions are "
    "deterministic. The\n"
    "episodes are those of the evaluations during training, unless --seed changes that.\n"
    "\n"
    "  --episodes N   how many (default 10)\n"
    "  --env TEXT     an environment with the same dimensions and action bounds in place of the trained one: a plugin "
    "that has moved,\n"
    "                 or another variant\n"
    "  --seed S       of the episodes (default: the run's)\n"
    "  --json         one JSON object on standard output: env, env_steps, policy_version, episodes, return_mean, "
    "return_std,\n"
    "                 return_min, return_max, length_mean, returns, first_observation, first_action\n"
    "  --verbose      which file, policy and seed; each episode as it ends, with --json too (on standard error)\n"
    "\n"
    "Examples:\n"
    "  corsac eval runs/p1\n"
    "  corsac eval runs/p1/best.h5 --episodes 100 --json\n";

static const char *const INSPECT =
    "corsac inspect RUN|FILE [--json]\n"
    "\n"
    "Says what a checkpoint holds and compares every checksum in it; exit status 1 if it is damaged. Of a run "
    "directory it lists all\n"
    "checkpoints and shows the newest good one; exit status 1 if none is good.\n"
    "\n"
    "  --json         one JSON object on standard output: file, ok, format_version, program_version, env, obs_dim, "
    "act_dim, env_steps,\n"
    "                 updates, policy_version, exact, parameters, replay_size, replay_capacity; error if ok is false, "
    "and null\n"
    "                 for what cannot be read. parameters: of the policy and all critics, targets apart\n"
    "\n"
    "Examples:\n"
    "  corsac inspect runs/p1\n"
    "  corsac inspect runs/p1/ckpt-20000.h5 --json\n";

static const char *const ENVS =
    "corsac envs [--json] [--mujoco-dir DIR]\n"
    "\n"
    "Lists the built-in environments; each one is created once to see whether it can be used here.\n"
    "\n"
    "  --json         a JSON array on standard output: name, obs_dim, act_dim, max_episode_steps (0: no limit), "
    "available,\n"
    "                 why (it is not)\n"
    "  --mujoco-dir DIR  libmujoco and the tasks' models, where install-deps.sh mujoco did not put them in their "
    "place\n"
    "\n"
    "Example:\n"
    "  corsac envs --json\n";

static const char *const CHECK_ENV =
    "corsac check-env ENV [--episodes N] [--timeout S] [--json]\n"
    "\n"
    "Runs an environment through every rule of the environment ABI (corsac/env.h), one line for each: what is wrong, "
    "where, and what would be\n"
    "right. ENV is what `train --env` takes: path/to/plugin.so[:args], or a built-in name. Exit status 0: no error "
    "(warnings are none), 1:\n"
    "errors. The environment runs in processes of its own: one that crashes or hangs is reported like any other "
    "finding.\n"
    "\n"
    "  --episodes N   how many are played for the first rules (default 10, 20 s at most)\n"
    "  --timeout S    that one call may take before it counts as hung (default 60)\n"
    "  --python, --mujoco-dir  as to train\n"
    "  --json         one JSON object on standard output: env, ok, errors, warnings, obs_dim, act_dim, "
    "max_episode_steps, steps_per_s,\n"
    "                 findings (rule, level, text, more: of the same)\n"
    "\n"
    "Checked are the table and the spec; that obs and *reward are written, finite, and nothing around them; flags; "
    "the last observation;\n"
    "that the seed decides everything, in the same instance, a new one, a new process and beside a second instance; "
    "save and load, and what load\n"
    "refuses; step_begin and step_end; growing memory and open files; steps/s.\n"
    "\n"
    "Examples:\n"
    "  corsac check-env ./solver.so:case.inp\n"
    "  corsac check-env Pendulum-v1 --json\n";

static const char *const NEW_ENV =
    "corsac new-env NAME [--lang c|c++|fortran]\n"
    "\n"
    "Makes the directory NAME with an environment that compiles and trains, to be changed into yours: its source, a "
    "Makefile, a README.\n"
    "The Makefile knows where <corsac/env.h> is; CORSAC_INCLUDE says otherwise.\n"
    "\n"
    "  --lang L       c (default), c++ or fortran\n"
    "\n"
    "Example:\n"
    "  corsac new-env solver --lang fortran; cd solver; make; corsac check-env ./solver.so; corsac train --env "
    "./solver.so\n";

static const char *const OPTIONS =
    "corsac options [--yaml]\n"
    "\n"
    "Lists every option of `corsac train`: type, default, range, and whether a resumed run may change it.\n"
    "\n"
    "  --yaml         the default configuration as YAML, to be edited and given to --config\n"
    "\n"
    "Example:\n"
    "  corsac options --yaml > my.yaml; corsac train --config my.yaml --env Pendulum-v1\n";

static const char *const BENCH =
    "corsac bench [NAME] [--json] [--rounds N] [--seconds X] [--obs-dim N] [--act-dim N] [options of train]\n"
    "\n"
    "Measures, and beside each figure its limit: what the plain thing manages in the same run. Figure and limit "
    "alternate; medians "
    "and\n"
    "quartiles are of the rounds. A ratio of 1 means as good as the limit, less means worse.\n"
    "\n"
    "  learner        a whole update; its matrix products alone in OpenBLAS, and with --learner-threads above 1 the "
    "same on one\n"
    "  replay         gather and insert; memcpy of the same bytes\n"
    "  actor          the actor's loop on --env; bare steps with one action of the policy\n"
    "  env            the actor's side of one --env; the environment's step alone, of a MuJoCo task mj_step alone\n"
    "  checkpoint     writing and reading a checkpoint with its replay; a plain HDF5 loop with fletcher32\n"
    "  transport      receiving and inserting batches of --send-steps rows; messages of the same bytes\n"
    "  weights        what publishing the policy costs the learner, how old the weights are at action time\n"
    "  train          end to end on --env; the rate of the update alone\n"
    "  all            all of these; the learner's at several shapes on both backends, unless one is given (the "
    "default)\n"
    "\n"
    "transport, weights and train measure ranks where mpirun starts them, else one process over loopback.\n"
    "\n"
    "  --json         one JSON object on standard output: benchmark, parameters, figures (name, unit, value, limit, "
    "ratio, "
    "each with\n"
    "                 quartiles), machine, cores, blas_core, backend, date; of learner also updates_per_s, "
    "limit_per_s, ratio; of "
    "all:\n"
    "                 benchmarks, an array of such objects\n"
    "  --rounds N     how many (default 21; 5 for checkpoint)\n"
    "  --seconds X    that one side of a round takes (default 0.1)\n"
    "  --obs-dim N, --act-dim N  dimensions where no environment is measured (default 17 and 6)\n"
    "  --run-dir DIR  an existing directory for the files of checkpoint and train, which are removed again (default "
    "$TMPDIR or "
    "/tmp)\n"
    "\n"
    "Shapes are given as to train: --hidden, --batch-size, --critics, --learner-threads, --replay-capacity, --env, "
    "--envs, ...\n"
    "\n"
    "Examples:\n"
    "  corsac bench learner --obs-dim 348 --act-dim 17 --json\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac bench transport\n";

static const char *const CLUSTER =
    "corsac cluster slurm|pbs|lsf|hosts [--nodes N] [--tasks N] [--time HH:MM:SS] [--env E] [--run-dir DIR] [--options "
    "TEXT]\n"
    "\n"
    "Prints a script that starts a run under a batch system and goes on with it as often as it takes: it saves before "
    "its time is over,\n"
    "ends with 75, and is queued again (train --resume auto). A plain script, to be edited where a site wants it "
    "otherwise; they also lie\n"
    "in share/corsac/cluster. hosts: without a queue, on machines that a file `hosts` names.\n"
    "\n"
    "  --nodes N         machines (default 1)\n"
    "  --tasks N         ranks on each of them, the learner one of all (default 8)\n"
    "  --time HH:MM:SS   of one job (default 04:00:00)\n"
    "  --env E           as to train (default Pendulum-v1)\n"
    "  --run-dir DIR     of the run, seen by all machines (default runs/corsac; slurm: runs/ and the job's name)\n"
    "  --options=TEXT    more options of train: --options='--utd 1 --env-steps 2e6'\n"
    "\n"
    "Examples:\n"
    "  corsac cluster slurm --nodes 4 --tasks 16 --time 12:00:00 --env ./solver.so > solver.sh; sbatch solver.sh\n"
    "  corsac cluster hosts --env ./solver.so --options='--env-steps 2e6' > solver.sh; bash solver.sh\n";

static const char *const DOCTOR =
    "corsac doctor [--run-dir DIR]\n"
    "\n"
    "Looks at what a job will run on and says, a line each, what is there, what is wrong and how to mend it: cores and "
    "binding, OpenBLAS'\n"
    "kernels, our own, shared memory; how fast DIR's file system makes files durable, whether locks work there, its "
    "space; and under\n"
    "mpirun, over as many ranks and nodes as a job will have: who is where, and latency, bandwidth and message rate "
    "from each node to\n"
    "the learner. Exit status 1 if a job would not run, or might lose what it saves.\n"
    "\n"
    "  --run-dir DIR  an existing directory (default .)\n"
    "\n"
    "Examples:\n"
    "  corsac doctor --run-dir runs\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac doctor\n";

void command_help(const char *name) {
  static const struct {
    const char *name, *const *text;
  } pages[] = {{"train", &TRAIN},     {"eval", &EVAL},    {"inspect", &INSPECT}, {"envs", &ENVS},
               {"options", &OPTIONS}, {"bench", &BENCH},  {"cluster", &CLUSTER}, {"check-env", &CHECK_ENV},
               {"new-env", &NEW_ENV}, {"doctor", &DOCTOR}};
  const char *text = PROGRAM;
  for (size_t i = 0; name && i < sizeof pages / sizeof *pages; i++)
    if (strcmp(name, pages[i].name) == 0) text = *pages[i].text;
  fputs(text, stdout);
  if (text == TRAIN) options_print_help(stdout, NULL);
}

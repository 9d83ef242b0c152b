#include "common/config/options.h"
#include "launch/cli/command.h"
#include "launch/cli/topics.h"

#include <stdio.h>
#include <string.h>

static const char *const PROGRAM =
    "corsac: distributed Soft Actor-Critic. Rank 0 learns, the other MPI ranks run environments.\n"
    "\n"
    "  corsac train      train a policy, or resume a run\n"
    "  corsac eval       run evaluation episodes with a trained policy\n"
    "  corsac export     write a trained policy as one C file, as ONNX, or as .npz\n"
    "  corsac explain    show one sample of a trained policy in numbers: log-probability, gradients, variance\n"
    "  corsac inspect    show what a checkpoint holds, and verify it\n"
    "  corsac plot       draw learning curves of runs, or a sheet of all that training measured\n"
    "  corsac report     write one page about runs: outcome, curves, configuration, faults\n"
    "  corsac envs       list the built-in environments\n"
    "  corsac check-env  test an environment of yours against every rule that corsac relies on\n"
    "  corsac new-env    make a directory to begin an environment in: C, C++, Fortran or Python\n"
    "  corsac options    list every option of `train`, with default, range and what a resume may change\n"
    "  corsac recipes    list sets of options for expensive simulators: what each costs, when it pays\n"
    "  corsac bench      measure this machine: updates, replay, actors, messages, checkpoints, each beside its limit\n"
    "  corsac cluster    print a script for a batch system: Slurm, PBS, LSF, or machines of your own\n"
    "  corsac doctor     look for faults of this machine, or under mpirun of all machines of a job\n"
    "  corsac help NAME  show more about a command (as NAME --help does) or a topic\n"
    "  corsac help --man [NAME], --completion    print a manual page, or the completion for bash\n"
    "  corsac --version [--verbose]\n"
    "\n";

static const char *const PROGRAM_END =
    "A first run, in one process and on 9 ranks (1 learns, 8 act):\n"
    "  corsac train --env Pendulum-v1\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac train --env Pendulum-v1 --run-dir runs/p1\n"
    "  corsac eval runs/p1\n"
    "\n"
    "Exit status: 0 done, 1 failure, 2 wrong usage, 75 stopped by a signal or a time limit with a checkpoint saved.\n";

static const char *const TRAIN =
    "corsac train --env NAME [options]           begins a new run\n"
    "corsac train --resume RUN [options]         goes on in the run directory RUN from its newest good checkpoint\n"
    "corsac train --resume FILE --run-dir DIR    goes on from one checkpoint in a new run directory\n"
    "corsac train --resume auto --run-dir DIR    goes on in DIR if it holds a checkpoint, else begins there\n"
    "\n"
    "Under mpirun rank 0 learns and the others act; without it one process does both. Later values win:\n"
    "defaults, the preset of the environment, --recipe NAME (`corsac recipes`), --config FILE (YAML,\n"
    "`corsac options --yaml` writes one), the command line.\n"
    "\n"
    "USR1, USR2, XCPU, INT, HUP or TERM save a checkpoint and end the run with exit status 75. A resume of a\n"
    "run that has reached env_steps changes nothing and ends with 0. The ranks have 120 s to meet in each\n"
    "part of the start; CORSAC_START_SECONDS in the environment changes that.\n"
    "\n"
    "Examples:\n"
    "  corsac train --env Pendulum-v1 --run-dir runs/p1\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac train --env Pendulum-v1 --run-dir runs/p1\n"
    "  mpirun --bind-to none -n 65 corsac train --env ./solver.so:mesh=fine --utd 0.5 --learner-threads 4\n"
    "  corsac train --resume runs/p1 --env-steps 2000000\n"
    "\n"
    "Options (in YAML with underscores):\n"
    "\n";

static const char *const EVAL =
    "corsac eval RUN|FILE [options]\n"
    "mpirun ... corsac eval RUN|FILE [options]\n"
    "\n"
    "Runs evaluation episodes with the policy of RUN's newest good checkpoint, or of one file (best.h5 too). Actions "
    "are\n"
    "deterministic. The episodes are those of the evaluations during training, unless --seed changes that. Under "
    "mpirun\n"
    "rank 0 gathers the episodes, which the other ranks play side by side, with the same results as one process.\n"
    "\n"
    "  --episodes N   how many (default 10)\n"
    "  --max-steps N  steps after which an episode is cut; its return is what it had so far (default: the run's\n"
    "                 --eval-max-steps; 0: 100000 where the environment has no limit of its own)\n"
    "  --timeout S    seconds after which the evaluation is cut, between two steps (default: the run's "
    "--eval-timeout;\n"
    "                 0: 3600 where the environment has no limit of at most 100000 steps)\n"
    "  --env TEXT     an environment with the same dimensions and action bounds in place of the trained one: a plugin "
    "that\n"
    "                 has moved, or another variant\n"
    "  --cases FILE   the cases that the episodes go over in turn (default: the run's; '': none)\n"
    "  --seed S       of the episodes (default: the run's)\n"
    "  --sampled      actions are sampled from the policy, with noise that follows from the seed, the episode and the "
    "step\n"
    "  --ranks-per-env K  under mpirun: groups of K ranks play, each with a plugin that computes on its communicator\n"
    "                 (default: the run's)\n"
    "  --record FILE  .mp4 or .gif: a film of the episodes (1 unless --episodes says otherwise), made with ffmpeg. "
    "corsac\n"
    "                 draws Pendulum-v1 and MountainCarContinuous-v0. Gymnasium draws gym: and the MuJoCo tasks, in "
    "its own\n"
    "                 environment (launch/install-deps.sh record)\n"
    "  --trace FILE   .csv or .h5: a row for each step: episode, step, observation, action, reward, terminated, "
    "truncated,\n"
    "                 the action's log-probability, every critic's Q (best.h5 has no critics), named values. "
    "--init-replay takes an .h5\n"
    "  --json         one JSON object on standard output: env, env_steps, policy_version, episodes (that were begun), "
    "cut\n"
    "                 (that were cut, or not begun), return_mean, return_std, return_min, return_max, length_mean, "
    "returns,\n"
    "                 info (an object: the mean of each named value), cases (name, case, episodes, return_mean, "
    "return_min,\n"
    "                 return_max, length_mean of each), first_observation, first_action\n"
    "  --verbose      prints the file, the policy and the seed, and each episode as it ends (with --json on standard "
    "error)\n"
    "\n"
    "Examples:\n"
    "  corsac eval runs/p1\n"
    "  corsac eval runs/p1/best.h5 --episodes 100 --json\n"
    "  corsac eval runs/p1 --episodes 1 --trace episode.csv\n"
    "  corsac eval runs/p1 --record swing-up.mp4\n"
    "  mpirun --bind-to none -n 9 corsac eval runs/solver --ranks-per-env 4 --episodes 20\n";

static const char *const EXPORT =
    "corsac export RUN|FILE --format c|onnx|npz [-o FILE] [--name NAME]\n"
    "\n"
    "Writes the policy of RUN's newest good checkpoint, or of one file (best.h5, an .npz), for use without corsac. It "
    "maps an\n"
    "observation to the deterministic action, and holds the normalisation of observations and the scaling of actions.\n"
    "\n"
    "  --format c     one C99 file without dependencies but libm: NAME_act(observation, action). With -DPOLICY_TEST it "
    "is a\n"
    "                 program that compares itself with what corsac computes\n"
    "                 with --history it is NAME_reset, NAME_step and NAME_applied, which the file explains\n"
    "  --format onnx  for onnxruntime, TensorRT and others: input observation (N x obs_dim), output action (N x "
    "act_dim),\n"
    "                 float32; with --history the input is the whole history, and the metadata tells its parts\n"
    "  --format npz   for NumPy: layer0.weight, layer0.bias, ..., mean.weight, log_std.weight, obs_shift, obs_scale,\n"
    "                 action_low, ...; libcorsac_policy and train --init-policy read it too\n"
    "  -o FILE        default NAME.c, NAME.onnx, NAME.npz; -: standard output\n"
    "  --name NAME    of the functions and the graph (default policy)\n"
    "\n"
    "Examples:\n"
    "  corsac export runs/p1 --format c -o policy.c && gcc -O2 -DPOLICY_TEST policy.c -lm -o test && ./test\n"
    "  corsac export runs/p1/best.h5 --format onnx -o policy.onnx\n";

static const char *const EXPLAIN =
    "corsac explain RUN|FILE [--seed S] [--agent J] [--samples N] [--env TEXT] [--json]\n"
    "\n"
    "Shows one sample's path through the policy of RUN's newest good checkpoint, or of one file, at the first "
    "observation of\n"
    "a reset: mean, log_std, noise, tanh; the log-probability, with the correction for tanh in the stable form and in "
    "the\n"
    "textbook's; the gradients beside central differences; and the variance of the pathwise gradient beside that of "
    "the score\n"
    "function's, with and without a baseline. All numbers are computed in double from the trained networks.\n"
    "\n"
    "  --seed S       of the reset and of the noise (default: the run's)\n"
    "  --agent J      whose observation, where the environment has several agents (default 0)\n"
    "  --samples N    how many samples the variances are taken over (default 10000); best.h5 has no critics and gives "
    "none\n"
    "  --env TEXT     an environment with the same dimensions and action bounds in place of the trained one\n"
    "  --json         one JSON object on standard output: file, env, env_steps, policy_version, seed, observation, "
    "sample\n"
    "                 (an object for each action), log_probability, log_probability_gradient; with critics also "
    "alpha,\n"
    "                 min_q, objective_gradient, samples, estimators (of each: mean, variance, price); with --history "
    "also\n"
    "                 history_slope (what was seen 0, 1, ... steps ago: how far each number of it moves the mean);\n"
    "                 with several agents also agent\n"
    "\n"
    "Examples:\n"
    "  corsac explain runs/p1\n"
    "  corsac explain runs/p1/ckpt-20000.h5 --seed 7 --json\n";

static const char *const INSPECT = "corsac inspect RUN|FILE [--json]\n"
                                   "\n"
                                   "Shows what a checkpoint holds and compares every checksum in it. The exit status "
                                   "is 1 if the file is damaged. Of a run\n"
                                   "directory it lists all checkpoints and shows the newest good one; the exit status "
                                   "is 1 if none is good. The state of the\n"
                                   "run comes first: running, died (status.json says running, but its process has "
                                   "gone), silent (it runs on another host and\n"
                                   "has written no status for a minute), done, stopped or failed.\n"
                                   "\n"
                                   "  --json         one JSON object on standard output: file, ok, format_version, "
                                   "program_version, env, obs_dim, act_dim,\n"
                                   "                 history, env_steps, updates, policy_version, exact, parameters, "
                                   "replay_size, replay_capacity; state of a run\n"
                                   "                 directory; error if ok is false, and null for what cannot be "
                                   "read. parameters: of the policy and all\n"
                                   "                 critics, without the targets\n"
                                   "\n"
                                   "Examples:\n"
                                   "  corsac inspect runs/p1\n"
                                   "  corsac inspect runs/p1/ckpt-20000.h5 --json\n";

static const char *const PLOT =
    "corsac plot RUN... [-o FILE.png|svg|pdf] [--time] [--sheet]\n"
    "\n"
    "Draws learning curves by gnuplot: evaluations solid, the episodes of training faint. Runs that differ only in "
    "their seed,\n"
    "and in options of a single start, are one curve, their mean, with a band of one standard deviation. A label says "
    "in what\n"
    "the configurations differ. Prints the picture's path.\n"
    "\n"
    "  -o, --output FILE  the end of the name says the format (default: plot.png or sheet.png in the run's directory; "
    "of\n"
    "                     several runs, in the working directory)\n"
    "  --time         against training time; else against environment steps\n"
    "  --sheet        a page of small panels: returns, losses, Q, entropy, alpha, policy lag, throughput, waits\n"
    "\n"
    "Examples:\n"
    "  corsac plot runs/p1\n"
    "  corsac plot runs/utd1-* runs/utd4-* --time -o utd.pdf\n";

static const char *const REPORT =
    "corsac report RUN... [-o FILE.html]\n"
    "\n"
    "Writes one page that needs no network and no other file, for light and dark screens and for a phone: the outcome, "
    "curves,\n"
    "the configuration and what in it is not the preset's, environment and machine, checkpoints, faults and resumes, "
    "and the\n"
    "commands that go on. Several runs are compared first. Prints the page's path.\n"
    "\n"
    "  -o, --output FILE  (default: report.html in the run's directory; of several runs, in the working directory)\n"
    "\n"
    "Examples:\n"
    "  corsac report runs/p1\n"
    "  corsac report runs/* -o all.html\n";

static const char *const ENVS =
    "corsac envs [--json] [--mujoco-dir DIR] [--python PYTHON]\n"
    "\n"
    "Lists the built-in environments. One of each is created to see whether it can be used here. gym:ID\n"
    "stands for all of Gymnasium's; their interpreter is asked for Gymnasium's version. fmi:MODEL.fmu\n"
    "stands for FMUs; the libraries that they need are looked for.\n"
    "\n"
    "  --json         one JSON array on standard output: name, obs_dim, act_dim, max_episode_steps (0: no\n"
    "                 limit), available, why (it is not available)\n"
    "  --mujoco-dir DIR  the directory of libmujoco and the tasks' models (default: the one that\n"
    "                 install-deps.sh mujoco makes)\n"
    "  --python PYTHON   the interpreter for gym: environments (default: the one that install-deps.sh gym\n"
    "                 makes, else python3)\n"
    "\n"
    "Example:\n"
    "  corsac envs --json\n";

static const char *const CHECK_ENV =
    "corsac check-env ENV [--episodes N] [--timeout S] [--json]\n"
    "mpirun -n 1+K ... corsac check-env ENV --ranks-per-env K [...]\n"
    "\n"
    "Tests an environment against every rule of its interface (corsac/env.h). Prints a line for each\n"
    "rule: what is wrong, where, and what would be right. ENV is what `train --env` takes:\n"
    "path/to/plugin.so[:args], a built-in name, exec:COMMAND, gym:ID, pettingzoo:MODULE,\n"
    "fmi:MODEL.fmu[:TASK.yaml]. Exit status 1 if there are errors; warnings do not count. The environment\n"
    "runs in processes of its own, so a crash or a hang is a finding, too.\n"
    "\n"
    "  --episodes N   episodes for the first rules (default 10; they take at most 20 s)\n"
    "  --timeout S    seconds that one call may take before it counts as hung (default 60)\n"
    "  --ranks-per-env K  under mpirun with 1 + K ranks: K of them make the calls as one group, each with\n"
    "                 a plugin that computes on the group's communicator. The first crash or hang ends it\n"
    "  --python, --mujoco-dir, --action-low, --action-high, --gym-wrap, --gym-info  as to train\n"
    "  --scratch, --scratch-from, --scratch-keep, --restart-each-episode            as to train\n"
    "  --create-timeout, --reset-timeout, --step-timeout, --channel, --channel-host as to train\n"
    "  --cases, --cases-per  as to train: each case is tried\n"
    "  --json         one JSON object on standard output: env, ok, errors, warnings, obs_dim, act_dim,\n"
    "                 max_episode_steps, steps_per_s, agents, findings (rule, level, text, more: further\n"
    "                 findings of the same kind)\n"
    "\n"
    "The rules are about:\n"
    "  the table and the spec\n"
    "  observation and reward: written, finite, and nothing around them\n"
    "  flags, named values, and the last observation of an episode\n"
    "  the seed, which decides everything: in one instance, a new one, a new process, beside a second one\n"
    "  (a simulator that does not repeat itself gets a warning that says what is lost)\n"
    "  save and load, and what load must refuse\n"
    "  step_begin and step_end\n"
    "  cases, where --cases gives some\n"
    "  memory and open files that grow\n"
    "  what an environment shares with the program: signals, locale, files, the end of the process\n"
    "\n"
    "Examples:\n"
    "  corsac check-env ./solver.so:case.inp\n"
    "  corsac check-env Pendulum-v1 --json\n";

static const char *const NEW_ENV =
    "corsac new-env NAME [--lang c|c++|fortran|python] [--agents N]\n"
    "corsac new-env MODEL.fmu --lang fmu\n"
    "\n"
    "Makes the directory NAME with an environment that compiles and trains: its source, a Makefile, a\n"
    "README. Change it into yours. The Makefile knows where <corsac/env.h> or corsac_sim.py is;\n"
    "CORSAC_INCLUDE and CORSAC_PYTHON change that.\n"
    "\n"
    "  --lang L       c (default), c++ or fortran: a plugin; python: a program with its own main loop; fmu:\n"
    "                 writes MODEL.yaml, a task to begin with, from what the FMU says of itself\n"
    "  --agents N     an environment of N agents that share one policy (c, fortran)\n"
    "\n"
    "Example:\n"
    "  corsac new-env solver --lang fortran; cd solver; make; corsac check-env ./solver.so\n";

static const char *const OPTIONS =
    "corsac options [--yaml]\n"
    "\n"
    "Lists every option of `corsac train`: type, default, range, and whether a resume may change it.\n"
    "\n"
    "  --yaml         the default configuration as YAML, to be edited and given to --config\n"
    "\n"
    "Example:\n"
    "  corsac options --yaml > my.yaml; corsac train --config my.yaml --env Pendulum-v1\n";

static const char *const RECIPES =
    "corsac recipes [NAME|FILE] [--json]\n"
    "\n"
    "Lists the recipes, sets of options for `train --recipe NAME`, with what each costs and when it pays.\n"
    "With NAME it prints that recipe's file, to be copied and changed: --recipe takes a file of yours, too.\n"
    "With FILE (./mine.yaml: it has a slash, or ends in .yaml or .yml) it prints what a file of yours costs.\n"
    "A recipe goes over the environment's preset; --config and the command line go over the recipe.\n"
    "\n"
    "  --json         on standard output, an array of objects, or with NAME or FILE one: name, what, pays,\n"
    "                 utd, flop_per_update, cost (arithmetic for each environment step, plain SAC's being\n"
    "                 1), with NAME also yaml; FILE has no what and pays\n"
    "\n"
    "Examples:\n"
    "  corsac recipes\n"
    "  corsac recipes xqc > mine.yaml; corsac recipes ./mine.yaml\n"
    "  corsac train --env Pendulum-v1 --recipe ./mine.yaml\n";

static const char *const BENCH =
    "corsac bench [NAME] [--json] [--rounds N] [--seconds X] [--obs-dim N] [--act-dim N] [options of train]\n"
    "\n"
    "Measures figures, each beside its limit: the rate of the plain operation in the same run. Figure and\n"
    "limit alternate; medians and quartiles are over the rounds. A ratio of 1 is as good as the limit, a\n"
    "smaller one is worse.\n"
    "\n"
    "  learner        a whole update; the limit is its matrix products alone in OpenBLAS, and with\n"
    "                 --learner-threads above 1 also the same update on one thread\n"
    "  replay         gather and insert; the limit is memcpy of the same bytes\n"
    "  history        the same of a replay with --history (4 here); the limit is that of rows of as many\n"
    "                 numbers without one\n"
    "  actor          the actor's loop on --env; the limit is bare steps with one action of the policy\n"
    "  env            the actor's side of one --env; the limit is the environment's step alone, of a\n"
    "                 MuJoCo task mj_step alone; of several agents for each transition\n"
    "  agents         a transition of 1, 8, 64 and 512 agents from an actor's batch into the replay; the\n"
    "                 limit is a copy of the message\n"
    "  checkpoint     writing and reading a checkpoint with its replay; the limit is a plain HDF5 loop\n"
    "                 with fletcher32\n"
    "  transport      receiving and inserting batches of --send-steps rows; the limit is messages of the\n"
    "                 same bytes\n"
    "  weights        the learner's cost of publishing the policy, and the age of the weights that act\n"
    "  train          end to end on --env; the limit is the rate of the update alone\n"
    "  all            all of these (the default); unless a shape is given, learner runs at several\n"
    "                 shapes on both backends\n"
    "\n"
    "transport, weights and train measure ranks where mpirun starts them, else one process.\n"
    "\n"
    "  --json         one JSON object on standard output: benchmark, parameters, figures (name, unit,\n"
    "                 value, limit, ratio, each with quartiles), machine, cores, blas_core, backend,\n"
    "                 date; of learner also updates_per_s, limit_per_s, ratio; of all: benchmarks, an\n"
    "                 array of such objects\n"
    "  --rounds N     number of rounds (default 21; 5 for checkpoint)\n"
    "  --seconds X    seconds of each side of a round (default 0.1)\n"
    "  --obs-dim N, --act-dim N  dimensions where no environment is measured (default 17 and 6)\n"
    "  --run-dir DIR  an existing directory for the files of checkpoint and train, which are removed\n"
    "                 again (default $TMPDIR or /tmp)\n"
    "\n"
    "Shapes are given as to train: --recipe, --hidden, --batch-size, --critics, --learner-threads, --env,\n"
    "... The limit of learner is that of the networks and the policy_delay that these options give.\n"
    "\n"
    "Examples:\n"
    "  corsac bench learner --obs-dim 348 --act-dim 17 --json\n"
    "  corsac bench learner --recipe xqc --learner-threads 2\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac bench transport\n";

static const char *const CLUSTER =
    "corsac cluster slurm|pbs|lsf|hosts [--nodes N] [--tasks N] [--time HH:MM:SS] [--env E] [--run-dir DIR]\n"
    "                                   [--options TEXT]\n"
    "\n"
    "Prints a script that starts a run under a batch system and resumes it until it is done. The job\n"
    "saves before its time is over, ends with 75, and is queued again (train --resume auto). The script\n"
    "is plain shell: edit it where your site needs something else. hosts is for machines without a queue,\n"
    "which a file `hosts` names. The scripts are also in share/corsac/cluster.\n"
    "\n"
    "  --nodes N         machines (default 1); with hosts the file says it, and how many ranks each has\n"
    "  --tasks N         ranks on each machine; one rank of all is the learner (default 8)\n"
    "  --time HH:MM:SS   the time limit of one job (default 04:00:00); hosts has none\n"
    "  --env E           as to train (default Pendulum-v1)\n"
    "  --run-dir DIR     the run directory, which all machines see (default runs/corsac; slurm: runs/ and\n"
    "                    the job's name)\n"
    "  --options=TEXT    more options of train: --options='--utd 1 --env-steps 2e6'\n"
    "\n"
    "Examples:\n"
    "  corsac cluster slurm --nodes 4 --tasks 16 --time 12:00:00 --env ./solver.so > slurm.sh; sbatch slurm.sh\n"
    "  corsac cluster hosts --env ./solver.so --options='--env-steps 2e6' > solver.sh; bash solver.sh\n";

static const char *const DOCTOR =
    "corsac doctor [--run-dir DIR]\n"
    "\n"
    "Looks at what a job will run on. Prints a line for each finding: what is there, what is wrong, and\n"
    "how to mend it.\n"
    "\n"
    "Of this machine: cores and binding, OpenBLAS' kernels, our own kernels, shared memory. Of DIR: how\n"
    "fast its file system makes files durable, whether locks work there, its space. Of the start: which\n"
    "launcher it was, and whether MPI knows of all processes. Under mpirun also, over as many ranks and\n"
    "nodes as a job will have: which rank is where, and latency, bandwidth and message rate from each\n"
    "node to the learner.\n"
    "\n"
    "Exit status 1 if a job would not run, or might lose what it saves.\n"
    "\n"
    "  --run-dir DIR  an existing directory (default .)\n"
    "\n"
    "Examples:\n"
    "  corsac doctor --run-dir runs\n"
    "  mpirun --bind-to none --oversubscribe -n 9 corsac doctor\n";

static const struct {
  const char *name, *const *text;
} pages[] = {{"train", &TRAIN},         {"eval", &EVAL},       {"inspect", &INSPECT}, {"envs", &ENVS},
             {"options", &OPTIONS},     {"recipes", &RECIPES}, {"bench", &BENCH},     {"cluster", &CLUSTER},
             {"check-env", &CHECK_ENV}, {"new-env", &NEW_ENV}, {"doctor", &DOCTOR},   {"export", &EXPORT},
             {"explain", &EXPLAIN},     {"plot", &PLOT},       {"report", &REPORT}};
enum { PAGES = sizeof pages / sizeof *pages };

const char *command_help_name(size_t index) { return index < PAGES ? pages[index].name : NULL; }

const char *command_help_text(const char *name) {
  for (size_t i = 0; i < PAGES; i++)
    if (strcmp(name, pages[i].name) == 0) return *pages[i].text;
  return NULL;
}

static void print_topics(FILE *out) {
  fputs("Topics of the manual, `corsac help start` first:\n", out);
  for (size_t i = 0; i < manual_count; i++) {
    const char *summary;
    const size_t length = topics_summary(manual_table[i].text, &summary);
    fprintf(out, "  %-18s %.*s\n", manual_table[i].name, (int)length, summary);
  }
  fputc('\n', out);
}

void command_help_print(FILE *out, const char *name) {
  const char *text = name ? command_help_text(name) : NULL;
  fputs(text ? text : PROGRAM, out);
  if (text == TRAIN) options_print_help(out, NULL);
  if (text) return;
  print_topics(out);
  fputs(PROGRAM_END, out);
}

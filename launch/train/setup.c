#include "launch/train/setup.h"

#include "actor/envs/process.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/options.h"
#include "common/nn/backend.h"
#include "common/nn/linalg.h"
#include "common/nn/policy.h"
#include "common/nn/tiles.h"
#include "common/wire/shared_policy.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/train/affinity.h"
#include "launch/cli/resume_command.h"
#include "launch/cli/presets.h"
#include "launch/cli/recipes.h"
#include "launch/cli/update_cost.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/run/run_status.h"
#include "learner/storage/atomic_file.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/policy_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct request { // the command line
  struct option_given given[OPTIONS_MAX_GIVEN];
  size_t count;
};

static const char *given_text(const struct request *request, const char *name) {
  const char *text = "";
  for (size_t i = 0; i < request->count; i++)
    if (strcmp(request->given[i].option->name, name) == 0) text = request->given[i].text;
  return text;
}

// The configuration file (if one is named), then the command line, over what stands in config.
static enum status apply_request(const struct request *request, struct config *config, struct error *error) {
  const char *file = given_text(request, "config");
  const enum status status = file[0] ? options_read_yaml(file, config, error) : STATUS_OK;
  return status == STATUS_OK ? options_apply(request->given, request->count, config, error) : status;
}

// A policy that is to be gone on from says what its network is like.
static enum status take_shape(const char *file, struct config *config, struct error *error) {
  struct trained_policy policy;
  const enum status status = policy_file_read(file, &policy, error);
  if (status == STATUS_OK) {
    *(config->policy_hidden.count > 0 ? &config->policy_hidden : &config->hidden) = policy.hidden;
    config->normalize_observations = policy.weights.normalize;
  } else {
    error_prefix(error, "init_policy");
  }
  trained_policy_release(&policy);
  return status;
}

// The environment decides on the preset, and may itself come from a file: so what was asked for is applied twice.
static enum status resolve_new(struct setup *setup, const struct request *request, struct error *error) {
  struct config *config = &setup->config;
  const char *recipe = given_text(request, "recipe");
  options_defaults(config);
  enum status status = recipes_apply(recipe, config, error);
  if (status == STATUS_OK) status = apply_request(request, config, error);
  if (status != STATUS_OK) return status;
  const char *preset = presets_find(config->env);
  char name[CONFIG_TEXT + 16], policy[CONFIG_TEXT];
  snprintf(name, sizeof name, "preset %s", config->env);
  snprintf(policy, sizeof policy, "%s", config->init_policy);
  options_defaults(config);
  if (preset) status = options_parse_yaml(preset, strlen(preset), name, config, error);
  if (status == STATUS_OK) status = recipes_apply(recipe, config, error);
  if (status == STATUS_OK && policy[0]) status = take_shape(policy, config, error);
  setup->saved = *config;
  return status == STATUS_OK ? apply_request(request, config, error) : status;
}

static enum status read_saved(struct setup *setup, struct error *error) {
  struct checkpoint_info info = {0};
  enum status status = checkpoint_read_info(setup->checkpoint, &info, error);
  if (status != STATUS_OK) return status;
  status = checkpoint_parse_config(setup->checkpoint, &info, &setup->saved, error);
  if (status == STATUS_OK && setup->saved.sync && strcmp(setup->saved.backend, "tiles") != 0 &&
      strcmp(info.blas_core, linalg_core_name()) != 0)
    log_warn("%s was written with OpenBLAS kernels for %s, here they are for %s: the run goes on, but not bit for bit "
             "as there",
             setup->checkpoint, info.blas_core, linalg_core_name());
  setup->steps = info.env_steps;
  setup->updates = info.updates;
  checkpoint_info_release(&info);
  return status;
}

static bool is_directory(const char *path) {
  struct stat info;
  return file_stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// Something of a run is there, if only the word of one that could not begin.
static bool is_run(const char *directory) {
  static const char *const names[] = {"config.yaml", "status.json"};
  char path[FILE_PATH];
  for (size_t i = 0; i < sizeof names / sizeof *names && directory[0]; i++)
    if (file_join(path, directory, names[i], NULL) == STATUS_OK && file_allows(path, F_OK)) return true;
  return false;
}

// --resume auto: goes on in --run-dir where that holds a checkpoint; else the run begins there, even where one began
// before and was killed before its first checkpoint. *resume: the run directory, or "" to begin.
static enum status choose_start(struct setup *setup, struct request *request, const char **resume,
                                struct error *error) {
  const char *directory = given_text(request, "run_dir");
  if (!directory[0])
    return error_set(
        error, STATUS_USAGE,
        "--resume auto needs --run-dir DIR: the run that goes on if it holds a checkpoint, and begins if not");
  *resume = "";
  if (!is_directory(directory)) return STATUS_OK;
  const int checkpoints = checkpoint_list(directory, NULL, 0, error);
  if (checkpoints < 0) return error_set(error, STATUS_IO, "%s: cannot be read", directory);
  if (checkpoints == 0) {
    setup->begins_again = is_run(directory); // else it is somebody else's, or empty
    return STATUS_OK;
  }
  *resume = directory;
  size_t kept = 0; // the run directory is named by what is resumed
  for (size_t i = 0; i < request->count; i++)
    if (strcmp(request->given[i].option->name, "run_dir") != 0) request->given[kept++] = request->given[i];
  request->count = kept;
  return STATUS_OK;
}

// What was left to this program, and may not change any more, stays as it was resolved at the start of the run.
static void keep_resolved(const struct config *saved, struct config *config) {
  if (!saved->sync) return;
  if (strcmp(config->backend, "auto") == 0) snprintf(config->backend, sizeof config->backend, "%s", saved->backend);
  if (config->learner_threads == 0) config->learner_threads = saved->learner_threads;
}

// Whether the run's last word was that it is done: every update made, the last evaluation too.
static bool is_done(const char *directory) {
  struct run_last_status word;
  run_last_status_read(directory, &word);
  return word.state == RUN_DONE;
}

// A run that has ended where it is to end now: say so and how it goes on, instead of doing nothing at length.
static enum status check_end(const struct setup *setup, const char *resume, uint32_t actors, struct error *error) {
  const unsigned long long steps = setup->steps, wanted = setup->config.env_steps;
  char command[RESUME_COMMAND_TEXT];
  if (!setup->in_place || steps < wanted || !is_done(resume)) return STATUS_OK;
  resume_command(resume, mpi_is_launched() ? (int)actors + 1 : 0, steps, command);
  return error_set(error, STATUS_DONE,
                   "%.300s has already reached env_steps (%llu of %llu): nothing is left to do. To go on: %.500s",
                   resume, steps, wanted, command);
}

// A recipe goes over the checkpoint's configuration as --config does: the one that the run began with changes nothing.
// Another one is refused where it sets what a resume keeps; the message then begins with it.
static enum status check_resume(const struct setup *setup, const char *recipe, struct error *error) {
  struct config with_recipe = setup->saved;
  const enum status status = options_check_resume(&setup->saved, &setup->config, error);
  if (status == STATUS_OK || !*recipe || recipes_apply(recipe, &with_recipe, NULL) != STATUS_OK) return status;
  if (options_check_resume(&setup->saved, &with_recipe, NULL) != STATUS_OK)
    error_prefix(error, "--recipe %.200s", recipe);
  return status;
}

static enum status resolve_resume(struct setup *setup, const struct request *request, const char *resume,
                                  struct error *error) {
  enum status status = run_newest_checkpoint(resume, true, setup->checkpoint, error);
  if (status != STATUS_OK) return status;
  if (!setup->in_place && !given_text(request, "run_dir")[0])
    return error_set(error, STATUS_USAGE,
                     "resuming from one file needs a new directory for what follows: give --run-dir DIR as well");
  if (setup->in_place && given_text(request, "run_dir")[0])
    return error_set(
        error, STATUS_USAGE,
        "--resume %s goes on in that directory; to branch off into another give one file, --resume %s --run-dir %s",
        resume, setup->checkpoint, given_text(request, "run_dir"));
  status = read_saved(setup, error);
  if (status != STATUS_OK) return status;
  const char *recipe = given_text(request, "recipe");
  setup->config = setup->saved;
  status = recipes_apply(recipe, &setup->config, error);
  if (status == STATUS_OK) status = apply_request(request, &setup->config, error);
  keep_resolved(&setup->saved, &setup->config);
  if (status == STATUS_OK) status = check_resume(setup, recipe, error);
  if (status == STATUS_OK && setup->in_place)
    snprintf(setup->config.run_dir, sizeof setup->config.run_dir, "%s", resume);
  return status;
}

// runs/<environment>-<time>, the environment without its path and arguments: of exec:./solver -x it is solver, of
// gym:module:ID the ID.
static void default_run_dir(struct config *config) {
  char path[CONFIG_TEXT];
  const char *env = config->env, *last = strrchr(env, ':');
  if (strncmp(env, "exec:", 5) == 0)
    process_command_name(env + 5, path, sizeof path);
  else if (last && strncmp(env, "gym:", 4) == 0)
    snprintf(path, sizeof path, "%s", last + 1);
  else
    snprintf(path, sizeof path, "%.*s", (int)strcspn(env, ":"), env);
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  char when[32];
  const time_t now = time(NULL);
  struct tm local;
  strftime(when, sizeof when, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
  snprintf(config->run_dir, sizeof config->run_dir, "runs/%.900s-%s", name, when);
}

// Ranks that act -> groups of ranks that do.
static enum status count_groups(const struct config *config, uint32_t *actors, struct error *error) {
  const unsigned long long k = config->ranks_per_env;
  const bool alone = strncmp(config->env, "exec:", 5) == 0 || strncmp(config->env, "gym:", 4) == 0 || config->isolate;
  if (k == 1) return STATUS_OK;
  if (alone)
    return error_set(
        error, STATUS_USAGE,
        "ranks_per_env %llu: exec:, gym: and --isolate run an environment in one process of its own, which "
        "has no ranks; a plugin that is parallel over MPI runs in the ranks themselves",
        k);
  if (*actors % k != 0)
    return error_set(error, STATUS_USAGE,
                     "ranks_per_env %llu: %u rank%s beside the learner make%s no groups of %llu; start one more than a "
                     "multiple, say mpirun -n %llu",
                     k, *actors, *actors == 1 ? "" : "s", *actors == 1 ? "s" : "", k, 1 + (*actors / k + 1) * k);
  *actors /= (uint32_t)k;
  return STATUS_OK;
}

static void warn_of_isolation(const struct config *config) {
  const size_t name = strcspn(config->env, ":");
  const bool plugin = memchr(config->env, '/', name) || (name > 3 && strncmp(config->env + name - 3, ".so", 3) == 0);
  if (config->isolate && !plugin && strncmp(config->env, "exec:", 5) != 0 && strncmp(config->env, "gym:", 4) != 0)
    log_warn("isolate is for plugins: %s is built in and runs in its actor's process", config->env);
}

static enum status resolve_envs(struct setup *setup, uint32_t actors, struct error *error) {
  struct config *config = &setup->config;
  if (config->envs == 0) config->envs = actors;
  const uint32_t idle = config->envs < actors ? actors - (uint32_t)config->envs : 0;
  const bool fixed = setup->resume && options_is_fixed(options_find("envs"), config);
  if (idle > 0)
    log_warn("%llu environment%s on %u actors: %u actor%s nothing to do (%sfewer ranks)",
             (unsigned long long)config->envs, config->envs == 1 ? "" : "s", actors, idle,
             idle == 1 ? " has" : "s have", fixed ? "" : "more --envs, or ");
  return options_check(config, error);
}

// From here on it is known, also to whoever resumes.
static void resolve_backend(struct config *config) {
  snprintf(config->backend, sizeof config->backend, "%s", backend_choose(config));
  if (strcmp(config->backend, "tiles") == 0 && !tiles_are_fast())
    log_warn("backend tiles is slow on this processor, which has no fused multiply-add: openblas is the faster one");
}

// Ranks that act on this node beside the learner: what mpirun says, or else all there are; in one process none.
static int acting_beside(uint32_t actors) {
  const char *text = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  const long ranks = text ? strtol(text, NULL, 10) : 0;
  if (ranks > 0 && ranks <= INT_MAX) return (int)ranks - 1;
  return actors > 1 ? (int)actors : 0;
}

// Threads pay for what they wait for each other where each has some 0.1 Gflop of an update's products between hidden
// layers. On small networks one thread is the fastest.
static uint64_t choose_threads(const struct config *config, int cores) {
  const double worth = 1e8;
  double threads = update_flop(config, 0, 0) / worth;
  if (threads > cores) threads = cores;
  return threads < 2 ? 1 : threads > 256 ? 256 : (uint64_t)threads;
}

static void resolve_threads(struct setup *setup, uint32_t actors) {
  struct config *config = &setup->config;
  const int beside = acting_beside(actors);
  setup->ranks = mpi_is_launched() ? actors + 1 : 1;
  if (config->learner_threads == 0) {
    config->learner_threads = choose_threads(config, affinity_cores() - beside);
    setup->wanted_threads = choose_threads(config, affinity_launchers_cores() - beside);
  }
  if (setup->wanted_threads < config->learner_threads) setup->wanted_threads = config->learner_threads;
}

static enum status write_config(const struct setup *setup, struct error *error) {
  char path[FILE_PATH];
  const size_t size = options_format_yaml(&setup->config, NULL, 0);
  char *text = memory_alloc(size + 1, 1, "the configuration's text", error);
  if (!text) return STATUS_MEMORY;
  options_format_yaml(&setup->config, text, size + 1);
  enum status status = file_join(path, run_directory_path(setup->run), "config.yaml", error);
  if (status == STATUS_OK) status = atomic_file_write(path, text, size, true, error);
  memory_free(text);
  if (status == STATUS_OK) status = file_join(path, run_directory_path(setup->run), "log.txt", error);
  return status == STATUS_OK ? log_open_file(path, error) : status;
}

static void open_run(struct setup *setup, struct error *error) {
  struct config *config = &setup->config;
  if (setup->in_place || setup->begins_again) {
    setup->run = run_directory_open(config->run_dir, error);
  } else if (config->run_dir[0]) {
    setup->run = run_directory_create(config->run_dir, error);
  } else {
    default_run_dir(config);
    setup->run = run_directory_create_unique(config->run_dir, sizeof config->run_dir, error);
  }
}

static enum status resolve(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error) {
  *setup = (struct setup){0};
  struct request request;
  enum status status = options_parse(argc, argv, request.given, &request.count, error);
  if (status != STATUS_OK) return status;
  const char *resume = given_text(&request, "resume");
  setup->automatic = strcmp(resume, "auto") == 0;
  if (setup->automatic) status = choose_start(setup, &request, &resume, error);
  if (status != STATUS_OK) return status;
  setup->resume = resume[0] != 0;
  setup->in_place = setup->resume && is_directory(resume);
  status = setup->resume ? resolve_resume(setup, &request, resume, error) : resolve_new(setup, &request, error);
  const uint32_t ranks = actors;
  if (status == STATUS_OK) status = count_groups(&setup->config, &actors, error);
  if (status == STATUS_OK) status = resolve_envs(setup, actors, error);
  if (status == STATUS_OK) resolve_backend(&setup->config);
  if (status == STATUS_OK) warn_of_isolation(&setup->config);
  if (status == STATUS_OK) resolve_threads(setup, ranks);
  if (status != STATUS_OK) return status;
  struct config *config = &setup->config;
  if (setup->resume && config->init_replay[0])
    return error_set(error, STATUS_USAGE,
                     "init_replay: a resumed run has its own replay; give --init-replay to a new run only");
  if (setup->resume && config->init_policy[0])
    return error_set(error, STATUS_USAGE,
                     "init_policy: a resumed run goes on with its own policy; give --init-policy to a new run only");
  status = check_end(setup, resume, ranks, error);
  if (status != STATUS_OK) return status;
  snprintf(setup->init_replay, sizeof setup->init_replay, "%s", config->init_replay);
  snprintf(setup->init_policy, sizeof setup->init_policy, "%s", config->init_policy);
  config->resume[0] = config->config[0] = config->recipe[0] = config->init_replay[0] = config->init_policy[0] =
      0; // not of the job
  open_run(setup, error);
  if (!setup->run) return error->status;
  if (setup->in_place) status = run_directory_set_aside(setup->run, setup->steps, error);
  if (status == STATUS_OK) status = write_config(setup, error);
  if (status != STATUS_OK) return status;
  const char *checkpoint = setup->in_place ? strrchr(setup->checkpoint, '/') + 1 : "";
  return run_directory_begin(setup->run, setup->steps, setup->updates, checkpoint, error);
}

enum status setup_resolve(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error) {
  const enum status status = resolve(setup, argc, argv, actors, error);
  if (status == STATUS_OK || status == STATUS_DONE) return status;
  if (setup->run)
    setup_abandon(setup, status_exit_code(status), error->text);
  else
    setup_refuse(argc, argv, status_exit_code(status), error->text);
  return status;
}

// --- starts that never begin ---

// steps, updates, checkpoint: what was reached before.
static void write_ending(struct run_directory *run, int exit_code, const char *reason, uint64_t steps, uint64_t updates,
                         const char *checkpoint) {
  const struct run_status status = {.state = exit_code == EXIT_STOPPED ? "stopped" : "failed",
                                    .exit_code = exit_code,
                                    .reason = reason,
                                    .env_steps = steps,
                                    .updates = updates,
                                    .checkpoint = checkpoint};
  struct error error = {0};
  if (run_directory_write_status(run, &status, &error) != STATUS_OK) log_warn("%s", error.text);
}

void setup_abandon(struct setup *setup, int exit_code, const char *reason) {
  log_close();
  if (setup->in_place || setup->begins_again) {
    const char *checkpoint = setup->in_place ? strrchr(setup->checkpoint, '/') + 1 : "";
    write_ending(setup->run, exit_code, reason, setup->steps, setup->updates, checkpoint);
    run_directory_close(setup->run);
  } else {
    run_directory_discard(setup->run);
    setup->run = setup->automatic ? run_directory_create(setup->config.run_dir, NULL) : NULL;
    if (setup->run) write_ending(setup->run, exit_code, reason, 0, 0, "");
    run_directory_close(setup->run);
  }
  setup->run = NULL;
}

// "--name VALUE" or "--name=VALUE" in arguments that need not be right otherwise. "": not given.
static const char *find_argument(int argc, char **argv, const char *name) {
  const size_t length = strlen(name);
  const char *value = "";
  for (int i = 0; i < argc; i++)
    if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
      value = argv[i] + length + 1;
    else if (strcmp(argv[i], name) == 0 && i + 1 < argc)
      value = argv[i + 1];
  return value;
}

void setup_refuse(int argc, char **argv, int exit_code, const char *reason) {
  const char *resume = find_argument(argc, argv, "--resume");
  const bool automatic = strcmp(resume, "auto") == 0;
  const char *directory = automatic ? find_argument(argc, argv, "--run-dir") : resume;
  struct run_directory *run = NULL;
  if (is_run(directory))
    run = run_directory_open(directory, NULL);
  else if (automatic && directory[0])
    run = run_directory_create(directory, NULL); // not where somebody else's files are
  if (!run) return;
  const struct run_last_status *before = run_directory_before(run);
  write_ending(run, exit_code, reason, before->env_steps, before->updates, before->checkpoint);
  run_directory_close(run);
}

size_t setup_shared_weights_capacity(const struct config *config) {
  enum { OBS_DIM = 4096, ACT_DIM = 256 };
  struct mlp network;
  policy_network(&network, backend_tiles(config), OBS_DIM, ACT_DIM, config);
  const size_t size = shared_policy_size(OBS_DIM, network.parameters);
  return size <= WIRE_MAX_MESSAGE ? size : 0;
}

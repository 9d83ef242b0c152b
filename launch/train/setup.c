#include "launch/train/setup.h"

#include "actor/envs/process.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/cases.h"
#include "common/config/environment_form.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "common/wire/transport_mpi.h"
#include "launch/cli/presets.h"
#include "launch/cli/recipes.h"
#include "launch/cli/resume_command.h"
#include "launch/train/setup_impl.h"
#include "learner/run/run_lock.h"
#include "learner/run/run_status.h"
#include "learner/storage/atomic_file.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/policy_file.h"
#include "common/wire/transport_mpi_start.h"
#include "learner/storage/checkpoint_head.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// The command line.
struct request {
  struct option_given given[OPTIONS_MAX_GIVEN];
  size_t count;
};

static const char *given_text(const struct request *request, const char *name) {
  const char *text = "";
  for (size_t i = 0; i < request->count; i++)
    if (strcmp(request->given[i].option->name, name) == 0) text = request->given[i].text;
  return text;
}

// Applies the configuration file, if one is named, and then the command line to config. Reads the cases file, so that
// config holds its lines: other ranks and a resume need no file.
static enum status apply_request(const struct request *request, struct config *config, struct error *error) {
  const char *file = given_text(request, "config");
  enum status status = file[0] ? options_read_yaml(file, config, error) : STATUS_OK;
  if (status == STATUS_OK) status = options_apply(request->given, request->count, config, error);
  return status == STATUS_OK ? cases_load(config, error) : status;
}

static void take_shape(const struct trained_policy *policy, struct config *config) {
  const struct mlp *net = &policy->net;
  struct config_widths *hidden = config->policy_hidden.count > 0 ? &config->policy_hidden : &config->hidden;
  hidden->count = net->hidden_count;
  memcpy(hidden->width, net->hidden, sizeof net->hidden);
  snprintf(config->network, sizeof config->network, "%s", net->residual ? "residual" : "dense");
  if (net->residual) config->expansion = net->expansion;
  snprintf(config->output_norm, sizeof config->output_norm, "%s", net->rms ? "rms" : "none");
  snprintf(config->log_std_form, sizeof config->log_std_form, "%s", policy->form.smooth ? "tanh" : "clamp");
  config->log_std_min = policy->form.low;
  config->log_std_max = policy->form.high;
  config->history = policy->history.length;
  if (policy->history.length > 1) config->history_actions = policy->history.actions;
}

// --init-policy: the network's shape, what it sees, the bounds of its log_std and its normalizer are those of that
// policy.
static enum status take_network(const char *file, struct config *config, struct error *error) {
  struct trained_policy policy;
  const enum status status = policy_file_read(file, &policy, error);
  if (status == STATUS_OK) {
    take_shape(&policy, config);
    config->normalize_observations = policy.weights.normalize;
  } else {
    error_prefix(error, "init_policy");
  }
  trained_policy_release(&policy);
  return status;
}

// The environment decides which preset is taken, and it may stand in the configuration file. So the request is applied
// twice: to find the environment, and over its preset.
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
  if (status == STATUS_OK && policy[0]) status = take_network(policy, config, error);
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
    log_warn("%s was written with OpenBLAS kernels for %s, here they are for %s: the run goes on, but its bits will "
             "differ",
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

// --resume auto: the run goes on in --run-dir if that holds a checkpoint, else it begins there. A run that was killed
// before its first checkpoint begins again. *resume: the run directory to resume, or "" to begin.
static enum status choose_start(struct setup *setup, struct request *request, const char **resume,
                                struct error *error) {
  const char *directory = given_text(request, "run_dir");
  if (!directory[0])
    return error_set(
        error, STATUS_USAGE,
        "--resume auto needs --run-dir DIR: the run goes on there if it holds a checkpoint, else it begins there");
  *resume = "";
  if (!is_directory(directory)) return STATUS_OK;
  run_lock_await(directory, 2. / 3 * mpi_start_seconds()); // the other ranks wait for so long
  const int checkpoints = checkpoint_list(directory, NULL, 0, error);
  if (checkpoints < 0) return error_set(error, STATUS_IO, "%s: cannot be read", directory);
  if (checkpoints == 0) {
    setup->begins_again = setup_is_run(directory); // else it is empty, or holds other files
    return STATUS_OK;
  }
  *resume = directory;
  size_t kept = 0; // --run-dir is dropped: what is resumed names the directory
  for (size_t i = 0; i < request->count; i++)
    if (strcmp(request->given[i].option->name, "run_dir") != 0) request->given[kept++] = request->given[i];
  request->count = kept;
  return STATUS_OK;
}

// In sync mode what "auto" and 0 were resolved to at the start of the run stays.
static void keep_resolved(const struct config *saved, struct config *config) {
  if (!saved->sync) return;
  if (strcmp(config->backend, "auto") == 0) snprintf(config->backend, sizeof config->backend, "%s", saved->backend);
  if (config->learner_threads == 0) config->learner_threads = saved->learner_threads;
}

// Whether status.json says that the run is done: it has made every update and the last evaluation.
static bool is_done(const char *directory) {
  struct run_last_status word;
  run_last_status_read(directory, &word);
  return word.state == RUN_DONE;
}

// Refuses to resume a run that has ended at this env_steps, with the command that goes on.
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

// The steps of the newest checkpoint of a directory, whole or damaged. 0: there is none.
static uint64_t newest_in(const char *directory) {
  uint64_t steps = 0;
  return checkpoint_list(directory, &steps, 1, NULL) > 0 ? steps : 0;
}

// A run that is in progress removes checkpoints while this looks at them; that it is in progress is found out later.
static enum status read_newest(struct setup *setup, const char *resume, struct error *error) {
  for (int tries = 5;; tries--) {
    setup->seen = newest_in(resume);
    enum status status = run_newest_checkpoint(resume, true, setup->checkpoint, error);
    if (status == STATUS_OK) status = read_saved(setup, error);
    if (status == STATUS_OK || tries == 0 || newest_in(resume) == setup->seen) return status;
    error_clear(error);
  }
}

static enum status resolve_resume(struct setup *setup, const struct request *request, const char *resume,
                                  struct error *error) {
  enum status status = read_newest(setup, resume, error);
  if (status != STATUS_OK) return status;
  if (!setup->in_place && !given_text(request, "run_dir")[0])
    return error_set(error, STATUS_USAGE,
                     "resuming from one file needs a new run directory: give --run-dir DIR as well");
  if (setup->in_place && given_text(request, "run_dir")[0])
    return error_set(error, STATUS_USAGE,
                     "--resume %s goes on in that directory; to branch off into another one, resume one file: --resume "
                     "%s --run-dir %s",
                     resume, setup->checkpoint, given_text(request, "run_dir"));
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

// runs/<environment>-<time>. The environment stands there without its path and arguments: exec:./solver -x becomes
// solver, gym:module:ID?key=value becomes ID, pettingzoo:module?key=value module, fmi:tank.fmu:task.yaml becomes
// tank.fmu.
static void default_run_dir(struct config *config) {
  char path[CONFIG_TEXT];
  const enum environment_form form = environment_form_of(config->env);
  const bool is_python = environment_form_is_python(form);
  const char *env = config->env + (form == ENVIRONMENT_FMI ? strlen("fmi:") : 0);
  if (form == ENVIRONMENT_EXEC)
    process_command_name(env + strlen("exec:"), path, sizeof path);
  else if (is_python)
    snprintf(path, sizeof path, "%.*s", (int)strcspn(env, "?"), env);
  else
    snprintf(path, sizeof path, "%.*s", (int)strcspn(env, ":"), env);
  const char *last = strrchr(path, '/'), *colon = is_python ? strrchr(path, ':') : NULL;
  if (!last || (colon && colon > last)) last = colon;
  const char *name = last ? last + 1 : path;
  char when[32];
  const time_t now = time(NULL);
  struct tm local;
  strftime(when, sizeof when, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
  snprintf(config->run_dir, sizeof config->run_dir, "runs/%.900s-%s", name, when);
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

// Says which options a resume may not have.
static enum status check_resume_request(const struct setup *setup, struct error *error) {
  if (setup->resume && setup->config.init_replay[0])
    return error_set(error, STATUS_USAGE,
                     "init_replay: a resumed run has its own replay; give --init-replay to a new run only");
  if (setup->resume && setup->config.init_policy[0])
    return error_set(error, STATUS_USAGE,
                     "init_policy: a resumed run has its own policy; give --init-policy to a new run only");
  return STATUS_OK;
}

// Resolves the configuration; nothing is written.
static enum status resolve_config(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error) {
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
  if (status == STATUS_OK) status = setup_resolve_resources(setup, actors, error);
  if (status == STATUS_OK) status = check_resume_request(setup, error);
  return status == STATUS_OK ? check_end(setup, resume, actors, error) : status;
}

// Options of one start do not belong to the job; the setup keeps those that are still needed.
static void take_start_options(struct setup *setup) {
  struct config *config = &setup->config;
  snprintf(setup->init_replay, sizeof setup->init_replay, "%s", config->init_replay);
  snprintf(setup->init_policy, sizeof setup->init_policy, "%s", config->init_policy);
  snprintf(setup->recipe, sizeof setup->recipe, "%s", config->recipe);
  config->resume[0] = config->config[0] = config->recipe[0] = config->init_replay[0] = config->init_policy[0] = 0;
}

// The run may be resumed and evaluated from another directory than this one.
static void fix_paths(struct config *config) {
  char buffer[FILE_PATH];
  const char *absolute = file_path(config->scratch_from, buffer);
  if (*config->scratch_from && strlen(absolute) < sizeof config->scratch_from)
    memmove(config->scratch_from, absolute, strlen(absolute) + 1);
}

// Settles all that the job gets, before the run directory is opened.
static enum status settle(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error) {
  *setup = (struct setup){0};
  const enum status status = resolve_config(setup, argc, argv, actors, error);
  if (status != STATUS_OK) return status;
  take_start_options(setup);
  fix_paths(&setup->config);
  return STATUS_OK;
}

// Whether another job saved in the directory between the choice of a checkpoint and the lock, and has left it since.
static bool is_outdated(const struct setup *setup) {
  return (setup->in_place || setup->begins_again) && newest_in(run_directory_path(setup->run)) > setup->seen;
}

// Repeats the choice while this process has the lock, so that no other job saves there. A failure gives the lock back.
static enum status settle_again(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error) {
  struct run_directory *run = setup->run;
  const enum status status = settle(setup, argc, argv, actors, error);
  if (status == STATUS_OK)
    setup->run = run;
  else
    run_directory_close(run);
  return status;
}

static enum status resolve(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error) {
  log_keep();
  enum status status = settle(setup, argc, argv, actors, error);
  if (status != STATUS_OK) return status;
  open_run(setup, error);
  if (!setup->run) return error->status;
  if (is_outdated(setup)) status = settle_again(setup, argc, argv, actors, error);
  if (status != STATUS_OK) return status;
  if (setup->in_place) status = run_directory_set_aside(setup->run, setup->steps, error);
  if (status == STATUS_OK) status = write_config(setup, error);
  if (status != STATUS_OK) return status;
  return run_directory_begin(setup->run, setup->steps, setup->updates, setup_checkpoint_name(setup), error);
}

const char *setup_checkpoint_name(const struct setup *setup) {
  return setup->in_place ? strrchr(setup->checkpoint, '/') + 1 : "";
}

enum status setup_resolve(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error) {
  const double began = clock_now();
  const enum status status = resolve(setup, argc, argv, actors, error);
  setup->began = began;
  if (status == STATUS_OK || status == STATUS_DONE) return status;
  if (setup->run)
    setup_abandon(setup, status_exit_code(status), error->text);
  else
    setup_refuse(argc, argv, status_exit_code(status), error->text);
  return status;
}

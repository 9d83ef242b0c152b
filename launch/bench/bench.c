// corsac bench: reads the command line, runs the benchmarks that it names, prints.
#include "launch/bench/bench.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/suggest.h"
#include "common/base/streams.h"
#include "common/config/cases.h"
#include "common/nn/backend.h"
#include "common/nn/linalg.h"
#include "common/wire/message.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/recipes.h"
#include "launch/mpi/launcher.h"
#include "launch/cli/signals.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BENCHES = 32, MAX_ARGUMENTS = 256 };
static const double ROUND_SECONDS = 0.1; // of one side

struct kind {
  const char *name;
  enum status (*run)(struct bench *bench, struct error *error);
  bool over_mpi;
  uint32_t rounds;
  const char *shape;
  struct setting {
    const char *option, *text;
  } setting[4]; // in place of the table's defaults
};

#define NETWORKS "hidden network critic_hidden policy_hidden critics batch_size learner_threads backend replay_capacity"
static const struct kind kinds[] = {
    {"learner", bench_learner, false, 21, "obs_dim act_dim " NETWORKS, {{0}}},
    {"replay", bench_replay, false, 21, "obs_dim act_dim batch_size replay_capacity", {{0}}},
    {"history",
     bench_history,
     false,
     21,
     "obs_dim act_dim history history_actions n_step batch_size replay_capacity",
     {{"history", "4"}}},
    {"actor", bench_actor, false, 21, "env hidden network policy_hidden n_step send_steps", {{"hidden", "64,64"}}},
    {"env", bench_env, false, 21, "env", {{0}}},
    {"agents", bench_agents, false, 21, "obs_dim act_dim send_steps replay_capacity", {{"send_steps", "64"}}},
    {"checkpoint", bench_checkpoint, false, 5, "obs_dim act_dim " NETWORKS, {{0}}},
    {"transport", bench_transport, true, 21, "obs_dim act_dim send_steps replay_capacity", {{"send_steps", "64"}}},
    {"weights", bench_weights, true, 21, "obs_dim act_dim " NETWORKS, {{"replay_capacity", "100000"}}},
    {"train",
     bench_train,
     true,
     21,
     "env utd envs send_steps history " NETWORKS,
     {{"replay_capacity", "100000"}, {"learning_starts", "500"}}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

// The shapes at which `all` measures the learner.
static const struct shape {
  uint32_t obs_dim, act_dim;
  struct setting setting[4];
} shapes[] = {
#define BOTH(obs_dim, act_dim, ...)                                                                                    \
  {obs_dim, act_dim, {{"backend", "tiles"}, __VA_ARGS__}}, {                                                           \
    obs_dim, act_dim, { {"backend", "openblas"}, __VA_ARGS__ }                                                         \
  }
    BOTH(17, 6, {0}),
    BOTH(348, 17, {0}),
    BOTH(17, 6, {"hidden", "512,512,512"}, {"batch_size", "1024"}),
    BOTH(3, 1, {"hidden", "64,64"}, {"batch_size", "100"}),
    BOTH(17, 6, {"learner_threads", "2"}),
    BOTH(3, 1, {"hidden", "64,64"}, {"batch_size", "100"}, {"learner_threads", "2"}),
#undef BOTH
};

static const struct shape plain = {17, 6, {{0}}};

// What the command line says.
struct request {
  const char *name;
  bool json;
  const char *rounds, *seconds, *obs_dim, *act_dim;
  struct option_given given[OPTIONS_MAX_GIVEN];
  size_t count;
  const char *directory, *recipe; // NULL: not given
};

// --- the command line ---

static bool is_name(const char *word) {
  bool found = strcmp(word, "all") == 0;
  for (int i = 0; i < KINDS; i++) found |= strcmp(word, kinds[i].name) == 0;
  return found;
}

static enum status unknown_name(const char *word, struct error *error) {
  const char *names[KINDS + 1] = {"all"};
  for (int i = 0; i < KINDS; i++) names[i + 1] = kinds[i].name;
  const char *suggestion = arguments_suggest(word, names, KINDS + 1);
  return error_set(error, STATUS_USAGE, "bench: there is no benchmark '%.100s'%s%s%s; see `corsac help bench`", word,
                   suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
}

// Whether the argument is "--name" or "--name=TEXT". *text becomes TEXT, or NULL.
static bool is_own(const char *argument, const char *name, const char **text) {
  const size_t length = strcspn(argument, "=");
  if (strncmp(argument, "--", 2) != 0 || strlen(name) != length - 2 || strncmp(argument + 2, name, length - 2) != 0)
    return false;
  *text = argument[length] ? argument + length + 1 : NULL;
  return true;
}

// Suggests one of this command's own options, which the table of options does not have, for a misspelt one.
static enum status check_spelling(const char *argument, struct error *error) {
  static const char *const own[] = {"json", "rounds", "seconds", "obs-dim", "act-dim"};
  char word[SUGGEST_WORD];
  const size_t length = strcspn(argument, "=");
  if (strncmp(argument, "--", 2) != 0 || length >= sizeof word) return STATUS_OK;
  snprintf(word, sizeof word, "%.*s", (int)length - 2, argument + 2);
  struct suggestion suggestion = {.word = word};
  for (size_t i = 0; i < options_count(); i++) suggest_try(&suggestion, options_at(i)->name, 0);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    const char *before = suggestion.name;
    suggest_try(&suggestion, own[i], 0);
    if (suggestion.name != before && suggestion.distance > 0)
      return error_set(error, STATUS_USAGE,
                       "bench: there is no option --%s (did you mean --%s?); see `corsac help bench`", word,
                       suggestion.name);
  }
  return STATUS_OK;
}

// Takes argv[0] if it is one of this command's own options. *used: the number of arguments taken, 0: it is none.
static enum status take_own(int argc, char **argv, struct request *request, int *used, struct error *error) {
  const struct {
    const char *name, **value;
  } own[] = {{"rounds", &request->rounds},
             {"seconds", &request->seconds},
             {"obs-dim", &request->obs_dim},
             {"act-dim", &request->act_dim}};
  const char *text;
  *used = 0;
  if (is_own(argv[0], "json", &text)) {
    if (text) return error_set(error, STATUS_USAGE, "bench: --json takes no value");
    request->json = true;
    *used = 1;
  }
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    if (!is_own(argv[0], own[i].name, &text)) continue;
    *used = text ? 1 : 2;
    if (!text && (argc < 2 || strncmp(argv[1], "--", 2) == 0))
      return error_set(error, STATUS_USAGE, "bench: --%s needs a value after it", own[i].name);
    *own[i].value = text ? text : argv[1];
  }
  return STATUS_OK;
}

static enum status refuse_options(struct request *request, struct error *error) {
  size_t kept = 0;
  for (size_t i = 0; i < request->count; i++) {
    const struct option_given *given = &request->given[i];
    if (strcmp(given->option->name, "run_dir") == 0)
      request->directory = given->text;
    else if (strcmp(given->option->name, "recipe") == 0)
      request->recipe = given->text;
    else if (given->option->rule == OPTION_INVOCATION)
      return error_set(error, STATUS_USAGE, "bench: --%s goes with `corsac train` only", given->option->name);
    else
      request->given[kept++] = *given;
  }
  request->count = kept;
  return STATUS_OK;
}

static enum status parse(int argc, char **argv, struct request *request, struct error *error) {
  char *rest[MAX_ARGUMENTS];
  int left = 0, used;
  enum status status;
  for (int i = 0; i < argc; i += used) {
    status = take_own(argc - i, argv + i, request, &used, error);
    if (status != STATUS_OK) return status;
    if (used > 0) continue;
    used = 1;
    status = check_spelling(argv[i], error);
    if (status != STATUS_OK) return status;
    if (!request->name && is_name(argv[i]))
      request->name = argv[i];
    else if (i == 0 && argv[i][0] != '-')
      return unknown_name(argv[i], error);
    else if (left == MAX_ARGUMENTS)
      return error_set(error, STATUS_USAGE, "bench: more than %d arguments are given", MAX_ARGUMENTS);
    else
      rest[left++] = argv[i];
  }
  if (!request->name) request->name = "all";
  status = options_parse(left, rest, request->given, &request->count, error);
  return status == STATUS_OK ? refuse_options(request, error) : status;
}

// --- the plan ---

static void set(struct config *config, const struct setting *setting, size_t count) {
  for (size_t i = 0; i < count && setting[i].option; i++)
    option_set(options_find(setting[i].option), config, setting[i].text, setting[i].option, NULL);
}

// Plans one benchmark. Its options: defaults < the kind's < the shape's < the recipe < those given.
static enum status plan_one(const struct request *request, const struct kind *kind, const struct shape *shape,
                            struct bench *bench, struct error *error) {
  *bench = (struct bench){.name = kind->name,
                          .shape = kind->shape,
                          .obs_dim = shape->obs_dim,
                          .act_dim = shape->act_dim,
                          .rounds = kind->rounds,
                          .seconds = ROUND_SECONDS};
  options_defaults(&bench->config);
  snprintf(bench->config.env, sizeof bench->config.env, "Pendulum-v1");
  set(&bench->config, kind->setting, sizeof kind->setting / sizeof *kind->setting);
  set(&bench->config, shape->setting, sizeof shape->setting / sizeof *shape->setting);
  enum status status = recipes_apply(request->recipe ? request->recipe : "", &bench->config, error);
  if (status == STATUS_OK) status = options_apply(request->given, request->count, &bench->config, error);
  if (status == STATUS_OK) status = cases_load(&bench->config, error);
  if (status == STATUS_OK) status = options_check(&bench->config, error);
  if (status == STATUS_OK && bench->config.history > 1 && !strstr(kind->shape, "history"))
    status = error_set(error, STATUS_USAGE, "--history: `corsac bench history` and `corsac bench train` measure it");
  if (bench->config.learner_threads == 0) bench->config.learner_threads = 1;
  snprintf(bench->config.backend, sizeof bench->config.backend, "%s", backend_choose(&bench->config));
  if (status == STATUS_OK)
    status = arguments_integer("rounds", request->rounds, 1, BENCH_MAX_ROUNDS, &bench->rounds, error);
  if (status == STATUS_OK) status = arguments_number("seconds", request->seconds, 0.001, 60, &bench->seconds, error);
  if (status == STATUS_OK)
    status = arguments_integer("obs-dim", request->obs_dim, 1, WIRE_MAX_DIM, &bench->obs_dim, error);
  if (status == STATUS_OK)
    status = arguments_integer("act-dim", request->act_dim, 1, WIRE_MAX_DIM, &bench->act_dim, error);
  return status;
}

static bool gives_shape(const struct request *request) {
  bool gives = request->obs_dim || request->act_dim || request->recipe;
  for (size_t i = 0; i < request->count; i++)
    gives |= strcmp(request->given[i].option->name, "hidden") == 0 ||
             strcmp(request->given[i].option->name, "batch_size") == 0 ||
             strcmp(request->given[i].option->name, "backend") == 0 ||
             strcmp(request->given[i].option->name, "learner_threads") == 0;
  return gives;
}

struct plan {
  const struct kind *kind[MAX_BENCHES];
  struct bench *bench[MAX_BENCHES]; // owned
  uint32_t count;
};

static enum status plan_add(struct plan *plan, const struct request *request, const struct kind *kind,
                            const struct shape *shape, struct error *error) {
  struct bench *bench = memory_alloc(1, sizeof *bench, "a benchmark", error);
  if (!bench) return STATUS_MEMORY;
  plan->kind[plan->count] = kind;
  plan->bench[plan->count++] = bench;
  return plan_one(request, kind, shape, bench, error);
}

static enum status plan_all(struct plan *plan, const struct request *request, struct error *error) {
  const bool all = strcmp(request->name, "all") == 0;
  enum status status = STATUS_OK;
  for (int k = 0; k < KINDS && status == STATUS_OK; k++) {
    if (!all && strcmp(request->name, kinds[k].name) != 0) continue;
    const bool every_shape = all && kinds[k].run == bench_learner && !gives_shape(request);
    const size_t count = every_shape ? sizeof shapes / sizeof *shapes : 1;
    for (size_t s = 0; s < count && status == STATUS_OK; s++)
      status = plan_add(plan, request, &kinds[k], every_shape ? &shapes[s] : &plain, error);
  }
  return status;
}

static bool needs_mpi(const struct plan *plan) {
  bool needs = false;
  for (uint32_t i = 0; i < plan->count; i++) needs |= plan->kind[i]->over_mpi;
  return needs;
}

// --- the run ---

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place) {
  (void)info;
  (void)type;
  (void)place;
  return remove(path);
}

static enum status make_directory(const char *where, char *path, size_t size, struct error *error) {
  const char *temporary = getenv("TMPDIR");
  if (!where || !*where) where = temporary && *temporary ? temporary : "/tmp";
  if ((size_t)snprintf(path, size, "%s/corsac-bench-XXXXXX", where) < size && mkdtemp(path)) return STATUS_OK;
  path[0] = 0;
  return error_set(error, STATUS_USAGE, "--run-dir: no files can be made in %.500s: %s", where, strerror(errno));
}

static enum status run_all(const struct request *request, struct plan *plan, int rank, int size,
                           const volatile sig_atomic_t *stop, struct error *error) {
  char directory[CONFIG_TEXT] = "";
  enum status status = rank == 0 ? make_directory(request->directory, directory, sizeof directory, error) : STATUS_OK;
  if (status == STATUS_OK && rank == 0) bench_warn(&plan->bench[0]->config);
  if (status == STATUS_OK && rank == 0 && !request->json) bench_print_machine(plan->bench[0]);
  for (uint32_t i = 0; i < plan->count && status == STATUS_OK; i++) {
    struct bench *bench = plan->bench[i];
    const bool over_mpi = plan->kind[i]->over_mpi;
    if (!over_mpi && rank > 0) continue;
    bench->rank = rank;
    bench->size = over_mpi ? size : 1;
    bench->directory = directory;
    bench->stop = stop;
    status = plan->kind[i]->run(bench, error);
    if (status == STATUS_OK && rank == 0 && !request->json) bench_print_table(bench);
  }
  if (status == STATUS_OK && rank == 0 && request->json)
    status = bench_print_json(request->name, plan->bench, plan->count, error);
  if (directory[0]) nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  return status;
}

static enum status run_under_mpi(const struct request *request, struct plan *plan, int argc, char **argv,
                                 const volatile sig_atomic_t *stop, struct error *error) {
  const struct launcher launcher = launcher_find();
  int rank, size;
  enum status status = mpi_start(&argc, &argv, &rank, &size, error);
  if (status != STATUS_OK) return status;
  status = launcher_check(&launcher, size, error);
  if (status == STATUS_OK) status = run_all(request, plan, rank, size, stop, error);
  if (status != STATUS_OK && rank == 0 && (size > 1 || launcher.task == 0)) command_fail(error);
  mpi_stop(status == STATUS_OK, status_exit_code(status), 0);
  return status;
}

int command_bench(int argc, char **argv) {
  struct error error = {0};
  struct request request = {0};
  struct plan plan = {0};
  const bool first = command_first_rank();
  streams_keep_output();
  enum status status = parse(argc, argv, &request, &error);
  if (status == STATUS_OK) status = plan_all(&plan, &request, &error);
  if (status == STATUS_OK) {
    const volatile sig_atomic_t *stop = signals_install();
    const bool over_mpi = needs_mpi(&plan) && mpi_is_launched();
    linalg_init();
    log_init(0, LOG_WARN);
    if (over_mpi)
      status = run_under_mpi(&request, &plan, argc, argv, stop, &error);
    else if (first)
      status = run_all(&request, &plan, 0, 1, stop, &error);
  }
  for (uint32_t i = 0; i < plan.count; i++) {
    bench_release(plan.bench[i]);
    memory_free(plan.bench[i]);
  }
  if (status == STATUS_OK) return EXIT_DONE;
  return first && error.text[0] ? command_fail(&error) : status_exit_code(status);
}

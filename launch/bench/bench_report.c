// What `corsac bench` prints.
#include "common/base/clock.h"
#include "common/base/streams.h"
#include "common/nn/backend.h"
#include "common/nn/linalg.h"
#include "launch/bench/bench.h"
#include "common/base/json.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PARAMETER = 256 };

static void processor_name(char *name, size_t size) {
  char line[512];
  struct utsname system;
  snprintf(name, size, "%s", uname(&system) == 0 ? system.machine : "unknown");
  FILE *file = fopen("/proc/cpuinfo", "r");
  while (file && fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    break;
  }
  if (file) fclose(file);
}

static int usable_cores(void) {
  cpu_set_t mask;
  return sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 0;
}

void bench_warn(const struct config *config) {
  const char *core = getenv("OPENBLAS_CORETYPE");
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  const int usable = usable_cores();
  if (core && *core)
    fprintf(streams_error(),
            "corsac: warning: OPENBLAS_CORETYPE=%s in the environment chooses OpenBLAS' kernels (%s); "
            "without it OpenBLAS takes the best for this processor\n",
            core, linalg_core_name());
  if (usable > 0 && usable < cores)
    fprintf(streams_error(),
            "corsac: warning: this process may run on %d of %ld cores; under mpirun --bind-to none lifts that\n",
            usable, cores);
  if (usable > 0 && (uint64_t)usable < config->learner_threads)
    fprintf(streams_error(), "corsac: warning: %llu learner threads share %d core%s\n",
            (unsigned long long)config->learner_threads, usable, usable == 1 ? "" : "s");
}

// --- the table ---

// Four significant digits, or the whole number where it is larger: 12345, 123.4, 1.234.
static void format(double value, char *text, size_t size) {
  const double magnitude = fabs(value);
  const int decimals = magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : 3;
  snprintf(text, size, "%.*f", decimals, value);
}

static void format_quartiles(const struct bench_quartiles *quartiles, char *text, size_t size) {
  char low[24], median[24], high[24];
  format(quartiles->low, low, sizeof low);
  format(quartiles->median, median, sizeof median);
  format(quartiles->high, high, sizeof high);
  snprintf(text, size, "%s (%s..%s)", median, low, high);
}

void bench_print_machine(const struct bench *bench) {
  char name[256], date[40];
  processor_name(name, sizeof name);
  clock_format(date, sizeof date);
  fprintf(streams_output(), "%s, %d core%s, OpenBLAS %s, backend %s, %s\n", name, usable_cores(),
          usable_cores() == 1 ? "" : "s", linalg_core_name(), backend_choose(&bench->config), date);
}

static bool differs(const struct config_widths *own, const struct config_widths *hidden) {
  bool differs = own->count > 0 && own->count != hidden->count;
  for (uint32_t i = 0; i < own->count && !differs; i++) differs = own->width[i] != hidden->width[i];
  return differs;
}

// Networks of their own take the place of `hidden`; dense ones need no word.
static bool is_shown(const struct config *config, const char *name) {
  const bool critic = differs(&config->critic_hidden, &config->hidden),
             policy = differs(&config->policy_hidden, &config->hidden);
  if (strcmp(name, "hidden") == 0) return !critic || !policy;
  if (strcmp(name, "critic_hidden") == 0) return critic;
  if (strcmp(name, "policy_hidden") == 0) return policy;
  return strcmp(name, "network") != 0 || strcmp(config->network, "dense") != 0;
}

// Takes the next name that is shown of a list with blanks between. false: the list has ended.
static bool next_name(const struct bench *bench, const char **list, char *name, size_t size) {
  do {
    *list += strspn(*list, " ");
    const size_t length = strcspn(*list, " ");
    if (length == 0 || length >= size) return false;
    memcpy(name, *list, length);
    name[length] = 0;
    *list += length;
  } while (!is_shown(&bench->config, name));
  return true;
}

static void parameter(const struct bench *bench, const char *name, char *text, size_t size) {
  const struct option *option = options_find(name);
  if (option)
    option_get(option, &bench->config, text, size);
  else
    snprintf(text, size, "%u", strcmp(name, "obs_dim") == 0 ? bench->obs_dim : bench->act_dim);
}

void bench_print_table(const struct bench *bench) {
  char name[40], text[PARAMETER];
  fprintf(streams_output(), "\n%s:", bench->name);
  for (const char *list = bench->shape; next_name(bench, &list, name, sizeof name);) {
    parameter(bench, name, text, sizeof text);
    fprintf(streams_output(), " %s %s,", name, text);
  }
  if (bench->size > 1)
    fprintf(streams_output(), " %d ranks over MPI,", bench->size);
  else
    fprintf(streams_output(), " one process,");
  fprintf(streams_output(), " %u round%s: median (quartiles)\n", bench->rounds, bench->rounds == 1 ? "" : "s");
  fprintf(streams_output(), "  %-30s %-13s %-31s %-31s %-22s %s\n", "figure", "unit", "value", "limit", "ratio",
          "the limit is");
  for (uint32_t i = 0; i < bench->count; i++) {
    const struct bench_figure *figure = &bench->figure[i];
    const struct bench_summary summary = bench_summary_of(figure);
    char value[80], limit[80] = "-", ratio[80] = "-";
    format_quartiles(&summary.value, value, sizeof value);
    if (figure->limit_is) {
      format_quartiles(&summary.limit, limit, sizeof limit);
      snprintf(ratio, sizeof ratio, "%.2f (%.2f..%.2f)", summary.ratio.median, summary.ratio.low, summary.ratio.high);
    }
    fprintf(streams_output(), "  %-30s %-13s %-31s %-31s %-22s %s\n", figure->name, figure->unit, value, limit, ratio,
            figure->limit_is ? figure->limit_is : "-");
  }
  fflush(streams_output());
}

// --- JSON ---

static json_t *real_or_null(bool there, double value) { return there ? json_real(value) : json_null(); }

static void set_quartiles(json_t *object, const char *key, bool there, const struct bench_quartiles *quartiles) {
  char name[40];
  snprintf(name, sizeof name, "%s_quartiles", key);
  json_object_set_new(object, key, real_or_null(there, quartiles->median));
  json_object_set_new(object, name, there ? json_pack("[f, f]", quartiles->low, quartiles->high) : json_null());
}

static json_t *figure_json(const struct bench_figure *figure) {
  const struct bench_summary summary = bench_summary_of(figure);
  const bool has_limit = figure->limit_is != NULL;
  json_t *object = json_pack("{s:s, s:s, s:i}", "name", figure->name, "unit", figure->unit, "rounds", figure->rounds);
  set_quartiles(object, "value", true, &summary.value);
  set_quartiles(object, "limit", has_limit, &summary.limit);
  set_quartiles(object, "ratio", has_limit, &summary.ratio);
  json_object_set_new(object, "limit_is", has_limit ? json_string(figure->limit_is) : json_null());
  return object;
}

static json_t *parameters_json(const struct bench *bench) {
  char name[40], text[PARAMETER];
  json_t *object = json_object();
  for (const char *list = bench->shape; next_name(bench, &list, name, sizeof name);) {
    const struct option *option = options_find(name);
    parameter(bench, name, text, sizeof text);
    const bool whole = !option || option->type == OPTION_COUNT;
    const bool number = whole || option->type == OPTION_NUMBER;
    json_object_set_new(object, name,
                        whole    ? json_count(strtoull(text, NULL, 10))
                        : number ? json_real(strtod(text, NULL))
                                 : json_string(text));
  }
  json_object_set_new(object, "ranks", json_integer(bench->size));
  json_object_set_new(object, "rounds", json_integer(bench->rounds));
  return object;
}

static void set_benchmark(json_t *object, const struct bench *bench) {
  json_t *figures = json_array();
  for (uint32_t i = 0; i < bench->count; i++) json_array_append_new(figures, figure_json(&bench->figure[i]));
  json_object_set_new(object, "benchmark", json_string(bench->name));
  json_object_set_new(object, "parameters", parameters_json(bench));
  json_object_set_new(object, "figures", figures);
  json_object_set_new(object, "transport", json_string(bench->size > 1 ? "mpi" : "loopback"));
  if (strcmp(bench->name, "learner") != 0) return;
  const struct bench_summary summary = bench_summary_of(&bench->figure[0]);
  json_object_set_new(object, "updates_per_s", json_real(summary.value.median));
  json_object_set_new(object, "limit_per_s", json_real(summary.limit.median));
  json_object_set_new(object, "ratio", json_real(summary.ratio.median));
}

enum status bench_print_json(const char *name, struct bench *const *benches, uint32_t count, struct error *error) {
  char processor[256], date[40];
  processor_name(processor, sizeof processor);
  clock_format(date, sizeof date);
  json_t *root = json_object();
  if (strcmp(name, "all") == 0) {
    json_t *parts = json_array();
    for (uint32_t i = 0; i < count; i++) {
      json_t *part = json_object();
      set_benchmark(part, benches[i]);
      json_array_append_new(parts, part);
    }
    json_object_set_new(root, "benchmark", json_string(name));
    json_object_set_new(root, "benchmarks", parts);
  } else {
    set_benchmark(root, benches[0]);
  }
  json_object_set_new(root, "machine", json_string(processor));
  json_object_set_new(root, "cores", json_integer(usable_cores()));
  json_object_set_new(root, "blas_core", json_string(linalg_core_name()));
  json_object_set_new(root, "backend", json_string(backend_choose(&benches[0]->config)));
  json_object_set_new(root, "date", json_string(date));
  return json_print(root, error);
}

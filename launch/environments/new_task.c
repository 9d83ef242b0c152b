#include "launch/environments/new_task.h"

#include "actor/fmi/fmu.h"
#include "common/base/printable.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_COMMENT = 60 };

// --- YAML ---

// A name without marks where YAML reads it as a text in any case, else in double quotes.
static void write_name(FILE *file, const char *name) {
  static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  bool plain = isalpha((unsigned char)*name) || *name == '_';
  for (const char *c = name; *c; c++)
    plain = plain && (isalnum((unsigned char)*c) || *c == '_' || *c == '.' || *c == '(' || *c == ')');
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) plain = plain && strcmp(name, words[i]) != 0;
  if (plain) {
    fputs(name, file);
    return;
  }
  putc('"', file);
  for (const char *c = name; *c; c++) {
    if (*c == '"' || *c == '\\') putc('\\', file);
    if ((unsigned char)*c < 32)
      fprintf(file, "\\x%02x", (unsigned char)*c);
    else
      putc(*c, file);
  }
  putc('"', file);
}

// What the FMU says of a variable, as a comment that ends the line.
static void write_comment(FILE *file, const struct fmi_variable *variable, bool start) {
  const bool has_start = start && !isnan(variable->start);
  char text[MOST_COMMENT + 1]; // of whole characters: YAML takes no half ones
  printable_copy(text, sizeof text, variable->text);
  if (has_start || *text) fputs("  # ", file);
  if (has_start) fprintf(file, "starts at %.9g%s", variable->start, *text ? "; " : "");
  fprintf(file, "%s\n", text);
}

// Numbers of this causality that a task can use.
static bool is_usable(const struct fmi_variable *variable, enum fmi_causality causality) {
  return variable->causality == causality && variable->type < FMI_NUMBERS && variable->count > 0 && !variable->constant;
}

// --- the parts of a task ---

static void write_times(FILE *file, const struct description *description) {
  const bool has_step = !isnan(description->step_size), has_stop = !isnan(description->stop_time);
  fprintf(file, "step_size: %.9g      # s between two actions%s\n", has_step ? description->step_size : 0.1,
          has_step ? "" : "; the FMU suggests none");
  fprintf(file, "substeps: 1         # calls of the FMU in a step\n");
  fprintf(file, "%sstop_time: %.9g      # s; ends an episode, which is no termination: learning bootstraps\n",
          has_stop ? "" : "# ", has_stop ? description->stop_time : 10.);
}

static void write_actions(FILE *file, const struct description *description) {
  fputs("\n# Inputs of the FMU, with their bounds [low, high].\nactions:\n", file);
  for (size_t i = 0; i < description->count; i++) {
    const struct fmi_variable *variable = &description->variables[i];
    if (!is_usable(variable, FMI_INPUT)) continue;
    const bool is_switch = variable->type == FMI_BOOLEAN,
               given = is_switch || (!isnan(variable->low) && !isnan(variable->high));
    const double low = is_switch ? 0 : given ? variable->low : -1, high = is_switch ? 1 : given ? variable->high : 1;
    fputs("  ", file);
    write_name(file, variable->name);
    fprintf(file, ": [%.17g, %.17g]", low, high);
    if (!given) fputs("  # CHANGE: the FMU has no min and max of it", file);
    write_comment(file, variable, true);
  }
}

static void write_observations(FILE *file, const struct description *description) {
  fputs("\n# What the policy sees: outputs, or any other number of the FMU.\nobservations:\n", file);
  for (size_t i = 0; i < description->count; i++) {
    const struct fmi_variable *variable = &description->variables[i];
    if (!is_usable(variable, FMI_OUTPUT) || strcmp(variable->name, "reward") == 0) continue;
    fputs("  - ", file);
    write_name(file, variable->name);
    write_comment(file, variable, false);
  }
}

static void write_parameters(FILE *file, const struct description *description) {
  fputs("\n# Values at the start of each episode, and values that are drawn for each from its seed. Parameters of the "
        "FMU:\n"
        "# start: {NAME: VALUE}\n# vary: {NAME: [LOW, HIGH]}\n",
        file);
  for (size_t i = 0; i < description->count; i++) {
    const struct fmi_variable *variable = &description->variables[i];
    if (!is_usable(variable, FMI_PARAMETER)) continue;
    fputs("#   ", file);
    write_name(file, variable->name);
    write_comment(file, variable, true);
  }
}

static void write_reward(FILE *file, const struct description *description) {
  const struct fmi_variable *reward = description_find(description, "reward");
  fputs("\n# An output, or an expression over variables and time: + - * / ^ < > == && || ?: abs sqrt exp sin min max "
        "...\n",
        file);
  if (reward && is_usable(reward, FMI_OUTPUT))
    fputs("reward: reward\n", file);
  else
    fputs("reward:              # CHANGE, as in: -(h - 1)^2 - 0.01 * valve^2\n", file);
  fputs("# terminated: h < 0  # ends an episode for good\n"
        "# names: {v: der(x)} # how to call in expressions what has other than letters, digits and _.[] in its name\n"
        "# info: {level: h}   # columns of metrics.csv\n"
        "# fresh: true        # a new instance for each episode, for an FMU whose reset forgets something\n"
        "# isolate: false     # in the process of the actor: faster, but a crash takes the actor along\n",
        file);
}

// --- the whole ---

static enum status write_file(const char *path, const char *fmu, const struct description *description,
                              struct error *error) {
  FILE *file = fopen(path, "wx");
  if (!file)
    return error_set(error, errno == EEXIST ? STATUS_USAGE : STATUS_IO, "new-env: %s: %s%s", path, strerror(errno),
                     errno == EEXIST ? "; nothing was changed" : "");
  fprintf(file, "# What corsac learns with %s (FMI %d). `corsac help fmu` tells about every key.\n", fmu,
          description->version);
  write_times(file, description);
  write_actions(file, description);
  write_observations(file, description);
  write_reward(file, description);
  write_parameters(file, description);
  const bool failed = ferror(file);
  if (fclose(file) != 0 || failed) return error_set(error, STATUS_IO, "new-env: %s: %s", path, strerror(errno));
  return STATUS_OK;
}

enum status new_task_write(const char *fmu_path, struct error *error) {
  char path[FILE_PATH];
  const char *slash = strrchr(fmu_path, '/'), *base = slash ? slash + 1 : fmu_path, *dot = strrchr(base, '.');
  const int length = dot && dot > base ? (int)(dot - base) : (int)strlen(base);
  snprintf(path, sizeof path, "%.*s.yaml", length, base);
  struct fmu fmu;
  enum status status = fmu_unpack(&fmu, fmu_path, error);
  if (status == STATUS_OK) status = write_file(path, base, &fmu.description, error);
  fmu_close(&fmu);
  if (status != STATUS_OK) return status;
  printf("%s\n\nNow change it, above all the reward, then:\n"
         "  corsac check-env 'fmi:%s:%s'\n"
         "  corsac train --env 'fmi:%s:%s'\n",
         path, fmu_path, path, fmu_path, path);
  return STATUS_OK;
}

// corsac cluster: prints one of the scripts launch/cluster/*.sh, filled in.
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/embedded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 4096 };

struct request {
  const char *system, *nodes, *tasks, *time, *env, *run_dir, *options;
};

// The lines of the scripts that arguments fill, by their begin. system NULL: of every script. In `form`: %n nodes, %t
// tasks, %p their product, %w the time, %m the time without seconds, %h 0.95 of its hours, %e %r %o the environment,
// the run directory and the options, quoted for the shell.
struct field {
  const char *system, *line, *form;
};
static const struct field fields[] = {
    {"slurm", "#SBATCH --nodes=", "%n"},
    {"slurm", "#SBATCH --ntasks-per-node=", "%t"},
    {"slurm", "#SBATCH --time=", "%w"},
    {"pbs", "#PBS -l select=", "%n:ncpus=%t:mpiprocs=%t"},
    {"pbs", "#PBS -l walltime=", "%w"},
    {"pbs", "hours=", "%h"},
    {"lsf", "#BSUB -n ", "%p"},
    {"lsf", "#BSUB -R ", "\"span[ptile=%t]\""},
    {"lsf", "#BSUB -W ", "%m"},
    {NULL, "env=", "%e"},
    {NULL, "run=", "%r"},
    {NULL, "options=", "%o"},
};

static bool parse_count(const char *text, long *value) {
  char *end;
  *value = strtol(text, &end, 10);
  return *text && *end == '\0' && *value >= 1 && *value <= 1000000;
}

// The seconds of HH:MM:SS or HH:MM; 0: the text is neither.
static long parse_time(const char *text) {
  int hours, minutes, seconds, used = 0;
  if (sscanf(text, "%d:%d:%d%n", &hours, &minutes, &seconds, &used) != 3) {
    seconds = 0;
    if (sscanf(text, "%d:%d%n", &hours, &minutes, &used) != 2) return 0;
  }
  const bool good =
      text[used] == '\0' && hours >= 0 && hours < 10000 && minutes >= 0 && minutes < 60 && seconds >= 0 && seconds < 60;
  return good ? hours * 3600L + minutes * 60L + seconds : 0;
}

static enum status check(const struct request *request, struct error *error) {
  long value;
  if (!parse_count(request->nodes, &value))
    return error_set(error, STATUS_USAGE, "--nodes %s: must be a number from 1 to 1000000", request->nodes);
  if (!parse_count(request->tasks, &value))
    return error_set(error, STATUS_USAGE, "--tasks %s: must be a number from 1 to 1000000", request->tasks);
  if (parse_time(request->time) < 600)
    return error_set(error, STATUS_USAGE, "--time %s: must be a time HH:MM:SS of 10 minutes or more", request->time);
  const char *texts[] = {request->env, request->run_dir, request->options};
  for (int i = 0; i < 3; i++)
    if (texts[i] && (strlen(texts[i]) > VALUE / 8 || strchr(texts[i], '\n')))
      return error_set(error, STATUS_USAGE, "%.40s...: is too long for a script, or has more than one line", texts[i]);
  return STATUS_OK;
}

// Prints 'text', with each ' in it as '\''.
static void print_quoted(const char *text) {
  putchar('\'');
  for (; *text; text++)
    if (*text == '\'')
      fputs("'\\''", stdout);
    else
      putchar(*text);
  putchar('\'');
}

static void print_part(char part, const struct request *request) {
  const long seconds = parse_time(request->time);
  switch (part) {
  case 'n': fputs(request->nodes, stdout); break;
  case 't': fputs(request->tasks, stdout); break;
  case 'p': printf("%ld", atol(request->nodes) * atol(request->tasks)); break;
  case 'w': printf("%02ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60); break;
  case 'm': printf("%02ld:%02ld", seconds / 3600, seconds / 60 % 60); break;
  case 'h': printf("%.2f", 0.95 * (double)seconds / 3600); break;
  case 'e': print_quoted(request->env); break;
  case 'r': print_quoted(request->run_dir); break;
  default: print_quoted(request->options); break;
  }
}

static const char *value_of(const struct field *field, const struct request *request) {
  switch (field->form[strlen(field->form) - 1]) {
  case 'e': return request->env;
  case 'r': return request->run_dir;
  case 'o': return request->options;
  default: return field->form;
  }
}

// Prints one line of the script. A line whose argument was not given stays as it is.
static void print_line(const char *line, size_t length, const struct request *request) {
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const struct field *field = &fields[i];
    if ((field->system && strcmp(field->system, request->system) != 0) || !value_of(field, request) ||
        strncmp(line, field->line, strlen(field->line)) != 0)
      continue;
    fputs(field->line, stdout);
    for (const char *c = field->form; *c; c++)
      if (*c == '%')
        print_part(*++c, request);
      else
        putchar(*c);
    putchar('\n');
    return;
  }
  printf("%.*s\n", (int)length, line);
}

static const char *find_script(const char *system, struct error *error) {
  const char *names[16] = {0};
  size_t count = 0;
  for (; count < cluster_count && count < 16; count++) {
    names[count] = cluster_table[count].name;
    if (system && strcmp(system, names[count]) == 0) return cluster_table[count].text;
  }
  const char *suggestion = system ? arguments_suggest(system, names, count) : NULL;
  error_set(error, STATUS_USAGE, "cluster: name a batch system: slurm, pbs, lsf, or hosts%s%s%s",
            suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
  return NULL;
}

int command_cluster(int argc, char **argv) {
  struct error error = {0};
  struct request request = {.nodes = "1", .tasks = "8", .time = "04:00:00"};
  const struct argument known[] = {{"nodes", NULL, &request.nodes},     {"tasks", NULL, &request.tasks},
                                   {"time", NULL, &request.time},       {"env", NULL, &request.env},
                                   {"run-dir", NULL, &request.run_dir}, {"options", NULL, &request.options}};
  enum status status =
      arguments_parse(argc, argv, "cluster", known, sizeof known / sizeof *known, &request.system, &error);
  const char *script = status == STATUS_OK ? find_script(request.system, &error) : NULL;
  if (!script || check(&request, &error) != STATUS_OK) return command_fail(&error);
  while (*script) {
    const size_t length = strcspn(script, "\n");
    print_line(script, length, &request);
    script += length + 1;
  }
  return EXIT_DONE;
}

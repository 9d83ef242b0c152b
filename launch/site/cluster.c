// corsac cluster: prints one of the scripts launch/cluster/*.sh, filled in.
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/embedded.h"
#include "launch/cli/shell_word.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VALUE = 4096 };

struct request {
  const char *system, *env, *run_dir, *options;
  uint32_t nodes, tasks;
  long seconds; // of wall time
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

// Whether the text is one line that fits into a script, quoted.
static enum status check_text(const char *option, const char *text, struct error *error) {
  if (!text || (strlen(text) <= VALUE / 8 && !strchr(text, '\n'))) return STATUS_OK;
  return error_set(error, STATUS_USAGE, "%s: must be one line of at most %d bytes, not \"%.40s...\"", option, VALUE / 8,
                   text);
}

static void print_quoted(const char *text) {
  char word[VALUE];
  shell_word(text, word, sizeof word);
  fputs(word, stdout);
}

static void print_part(char part, const struct request *request) {
  const long seconds = request->seconds;
  switch (part) {
  case 'n': printf("%" PRIu32, request->nodes); break;
  case 't': printf("%" PRIu32, request->tasks); break;
  case 'p': printf("%" PRIu64, (uint64_t)request->nodes * request->tasks); break;
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

static enum status parse_request(int argc, char **argv, struct request *request, struct error *error) {
  const char *nodes = NULL, *tasks = NULL, *time = "04:00:00";
  *request = (struct request){.nodes = 1, .tasks = 8};
  const struct argument known[] = {{"nodes", NULL, &nodes},
                                   {"tasks", NULL, &tasks},
                                   {"time", NULL, &time},
                                   {"env", NULL, &request->env},
                                   {"run-dir", NULL, &request->run_dir},
                                   {"options", NULL, &request->options}};
  enum status status =
      arguments_parse(argc, argv, "cluster", known, sizeof known / sizeof *known, &request->system, error);
  if (status == STATUS_OK) status = arguments_integer("nodes", nodes, 1, 1000000, &request->nodes, error);
  if (status == STATUS_OK) status = arguments_integer("tasks", tasks, 1, 1000000, &request->tasks, error);
  request->seconds = parse_time(time);
  if (status == STATUS_OK && request->seconds < 600)
    status =
        error_set(error, STATUS_USAGE, "--time: must be a time HH:MM:SS of 10 minutes or more, not \"%.100s\"", time);
  if (status == STATUS_OK) status = check_text("--env", request->env, error);
  if (status == STATUS_OK) status = check_text("--run-dir", request->run_dir, error);
  return status == STATUS_OK ? check_text("--options", request->options, error) : status;
}

int command_cluster(int argc, char **argv) {
  struct error error = {0};
  struct request request;
  const enum status status = parse_request(argc, argv, &request, &error);
  const char *script = status == STATUS_OK ? find_script(request.system, &error) : NULL;
  if (!script) return command_fail(&error);
  while (*script) {
    const size_t length = strcspn(script, "\n");
    print_line(script, length, &request);
    script += length + 1;
  }
  return EXIT_DONE;
}

// corsac: finds the subcommand and runs it. README.md beside this file tells how a command starts and ends.
#include "actor/envs/supervisor.h"
#include "actor/guest/guest.h"
#include "common/base/c_locale.h"
#include "common/base/exit_bound.h"
#include "common/base/guest_files.h"
#include "common/base/log.h"
#include "common/base/streams.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/topics.h"
#include "launch/cli/version.h"
#include "launch/mpi/mpi_alone.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  bool every_rank; // runs on every rank of mpirun's job; the others run on the first rank only
};

static const struct command commands[] = {{"train", command_train, true},          {"eval", command_eval, true},
                                          {"export", command_export, false},       {"explain", command_explain, false},
                                          {"plot", command_plot, false},           {"report", command_report, false},
                                          {"inspect", command_inspect, false},     {"envs", command_envs, false},
                                          {"options", command_options, false},     {"recipes", command_recipes, false},
                                          {"check-env", command_check_env, false}, {"new-env", command_new_env, false},
                                          {"bench", command_bench, true},          {"cluster", command_cluster, false},
                                          {"doctor", command_doctor, true},        {"help", command_help, false}};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int no_command(void) {
  char names[32 * COMMANDS] = "";
  size_t used = 0;
  for (int i = 0; i < COMMANDS; i++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                             i == 0             ? ""
                             : i + 1 < COMMANDS ? ", "
                                                : " or ",
                             commands[i].name);
  struct error error = {0};
  error_set(&error, STATUS_USAGE, "say what to do: %s (see `corsac help`)", names);
  return command_fail(&error);
}

static int unknown_command(const char *name) {
  struct error error = {0};
  const char *names[COMMANDS + 2] = {"--help", "--version"};
  for (int i = 0; i < COMMANDS; i++) names[i + 2] = commands[i].name;
  const char *suggestion = topics_find(name) ? NULL : arguments_suggest(name, names, COMMANDS + 2);
  if (topics_find(name))
    error_set(&error, STATUS_USAGE, "there is no command '%s'; `corsac help %s` shows the topic", name, name);
  else
    error_set(&error, STATUS_USAGE, "there is no command '%.100s'%s%s%s; `corsac help` lists what there is", name,
              suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
  return command_fail(&error);
}

static const struct command *find_command(const char *name) {
  for (int i = 0; i < COMMANDS; i++)
    if (strcmp(name, commands[i].name) == 0) return &commands[i];
  return NULL;
}

static bool is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static bool asks_for_help(int argc, char **argv) {
  for (int i = 0; i < argc; i++)
    if (is_help(argv[i])) return true;
  return false;
}

static int print_version(int argc, char **argv) {
  struct error error = {0};
  bool verbose = false;
  const struct argument known[] = {{"verbose", &verbose, NULL}};
  if (arguments_parse(argc, argv, "--version", known, 1, NULL, &error) != STATUS_OK) return command_fail(&error);
  version_print(stdout, verbose);
  return EXIT_DONE;
}

// Where several ranks were started, the first one prints for all, and complains for all.
static int run_command(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "";
  const struct command *command = find_command(name);
  const bool first = command_first_rank(), wants_help = argc > 2 && asks_for_help(argc - 2, argv + 2);
  if (!first && (!command || !command->every_rank || wants_help)) return EXIT_DONE;

  if (argc < 2) return no_command();
  if (strcmp(name, "--version") == 0) return print_version(argc - 2, argv + 2);
  if (!command && !is_help(name)) return unknown_command(name);
  if (!command || wants_help) {
    command_help_print(stdout, command && command->run != command_help ? name : NULL);
    return EXIT_DONE;
  }
  return command->run(argc - 2, argv + 2);
}

int main(int argc, char **argv) {
  locale_enter_c();
  guest_set_mpi(mpi_alone_start);
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv);
  guest_files_begin();
  log_init(0, LOG_INFO);
  int code = run_command(argc, argv);
  FILE *const outputs[] = {stdout, streams_output()};
  bool written = true;
  for (int i = 0; i < 2; i++) written &= fflush(outputs[i]) == 0 && !ferror(outputs[i]);
  if (!written && code == EXIT_DONE) {
    fputs("corsac: cannot write to standard output\n", streams_error());
    code = EXIT_FAILED;
  }
  exit_bound(code, EXIT_SECONDS);
  mpi_alone_stop();
  return code;
}

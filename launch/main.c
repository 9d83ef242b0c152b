// corsac: finds the subcommand and runs it.
#include "actor/envs/supervisor.h"
#include "common/base/c_locale.h"
#include "common/base/exit_bound.h"
#include "common/base/guest_files.h"
#include "common/base/log.h"
#include "common/base/streams.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/manual.h"
#include "launch/cli/version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} commands[] = {{"train", command_train},     {"eval", command_eval},       {"export", command_export},
                {"explain", command_explain}, {"plot", command_plot},       {"report", command_report},
                {"inspect", command_inspect}, {"envs", command_envs},       {"check-env", command_check_env},
                {"new-env", command_new_env}, {"options", command_options}, {"recipes", command_recipes},
                {"bench", command_bench},     {"cluster", command_cluster}, {"doctor", command_doctor}};
enum { COMMANDS = sizeof commands / sizeof *commands };

static enum status say_what_to_do(struct error *error) {
  char names[32 * COMMANDS] = "";
  size_t used = 0;
  for (int i = 0; i < COMMANDS; i++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                             i == 0             ? ""
                             : i + 1 < COMMANDS ? ", "
                                                : " or ",
                             commands[i].name);
  return error_set(error, STATUS_USAGE, "say what to do: %s (see `corsac help`)", names);
}

static int find_command(const char *name, struct error *error) {
  const char *names[COMMANDS + 3];
  for (int i = 0; i < COMMANDS; i++) {
    names[i] = commands[i].name;
    if (strcmp(name, names[i]) == 0) return i;
  }
  names[COMMANDS] = "help";
  names[COMMANDS + 1] = "--help";
  names[COMMANDS + 2] = "--version";
  const char *suggestion = arguments_suggest(name, names, COMMANDS + 3);
  error_set(error, STATUS_USAGE, "there is no command '%.100s'%s%s%s; `corsac help` lists what there is", name,
            suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
  return -1;
}

static bool asks_for_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static int print_help(const char *name) {
  struct error error = {0};
  if (name && strcmp(name, "help") != 0 && find_command(name, &error) < 0) return command_fail(&error);
  command_help_print(stdout, name && strcmp(name, "help") != 0 ? name : NULL);
  return EXIT_DONE;
}

static int run_command(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "";
  struct error error = {0};
  const bool every_rank = strcmp(name, "train") == 0 || strcmp(name, "bench") == 0 || strcmp(name, "doctor") == 0,
             first = command_first_rank();
  if (!every_rank && !first) return EXIT_DONE;
  for (int i = 2; i < argc; i++)
    if (asks_for_help(argv[i])) return first ? print_help(name) : EXIT_DONE;
  if (asks_for_help(name)) return print_help(NULL);
  if (strcmp(name, "help") == 0 && argc > 2 && argv[2][0] == '-') return command_manual(argc - 2, argv + 2);
  if (strcmp(name, "help") == 0) return print_help(argc > 2 ? argv[2] : NULL);
  if (strcmp(name, "--version") == 0) {
    bool verbose = false;
    const struct argument known[] = {{"verbose", &verbose, NULL}};
    if (arguments_parse(argc - 2, argv + 2, "--version", known, 1, NULL, &error) != STATUS_OK)
      return command_fail(&error);
    version_print(stdout, verbose);
    return EXIT_DONE;
  }
  if (argc < 2) {
    say_what_to_do(&error);
    return command_fail(&error);
  }
  const int command = find_command(name, &error);
  return command < 0 ? command_fail(&error) : commands[command].run(argc - 2, argv + 2);
}

int main(int argc, char **argv) {
  locale_enter_c();
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
  return code;
}

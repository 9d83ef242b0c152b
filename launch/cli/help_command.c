// corsac help: prints the list of commands and topics, the page of one, its manual page, or bash's completion.
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/completion.h"
#include "launch/cli/man_page.h"
#include "launch/cli/pager.h"
#include "launch/cli/terminal_page.h"
#include "launch/cli/topics.h"

#include <stdlib.h>
#include <string.h>

static enum status unknown_name(const char *name, struct error *error) {
  const char *names[128];
  const size_t most = sizeof names / sizeof *names;
  size_t count = 0;
  for (size_t i = 0; count < most && command_help_name(i); i++) names[count++] = command_help_name(i);
  for (size_t i = 0; count < most && i < manual_count; i++) names[count++] = manual_table[i].name;
  const char *suggestion = arguments_suggest(name, names, count);
  return error_set(error, STATUS_USAGE,
                   "there is no command or topic '%.100s'%s%s%s; `corsac help` lists what there is", name,
                   suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
}

// Prints the command's page and then the topic's of the same name; one of the two may be missing.
static enum status print_page(const char *name, struct error *error) {
  const bool command = command_help_text(name) != NULL;
  const char *topic = topics_find(name);
  if (!command && !topic) return unknown_name(name, error);
  struct pager pager = pager_begin();
  enum status status = STATUS_OK;
  if (command) command_help_print(pager.out, name);
  if (command && topic) fputc('\n', pager.out);
  if (topic) status = terminal_page_print(pager.out, topic, pager.terminal, pager.columns, error);
  pager_end(&pager);
  return status;
}

// --- manual pages ---

// Reads a command's page into memory of the caller's; NULL: the program's page.
static enum status read_help(const char *command, char **text, struct error *error) {
  size_t size;
  FILE *memory = open_memstream(text, &size);
  if (!memory) return error_set(error, STATUS_MEMORY, "no memory for a page of help");
  command_help_print(memory, command);
  return fclose(memory) == 0 ? STATUS_OK : error_set(error, STATUS_MEMORY, "no memory for a page of help");
}

// Finds what the program's page says of a command: "  corsac eval       run evaluation episodes with a trained policy".
static void find_summary(const char *program, const char *command, char *summary, size_t size) {
  char start[64];
  snprintf(start, sizeof start, "\n  corsac %s ", command);
  const char *at = strstr(program, start);
  if (at) at += strlen(start);
  if (at) at += strspn(at, " ");
  snprintf(summary, size, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
}

static enum status print_man_page(const char *name, struct error *error) {
  const bool command = name && command_help_text(name) != NULL;
  const char *topic = name ? topics_find(name) : NULL, *about;
  if (name && !command && !topic) return unknown_name(name, error);

  char *program = NULL, *help = NULL, summary[256] = "distributed Soft Actor-Critic for simulators on a cluster";
  enum status status = read_help(NULL, &program, error);
  if (status == STATUS_OK && command) status = read_help(name, &help, error);
  if (command && status == STATUS_OK) find_summary(program, name, summary, sizeof summary);
  if (topic && !command) {
    const size_t length = topics_summary(topic, &about);
    snprintf(summary, sizeof summary, "%.*s", (int)length, about);
  }
  if (status == STATUS_OK) man_page_print(stdout, &(struct man_page){name, summary, name ? help : program, topic});
  free(program);
  free(help);
  return status;
}

// --- the command ---

static void list_names(bool commands, bool topics) {
  for (size_t i = 0; commands && command_help_name(i); i++) puts(command_help_name(i));
  for (size_t i = 0; topics && i < manual_count; i++)
    if (!commands || !command_help_text(manual_table[i].name)) puts(manual_table[i].name);
}

int command_help(int argc, char **argv) {
  struct error error = {0};
  bool man = false, completion = false, commands = false, topics = false;
  const char *name = NULL;
  const struct argument known[] = {
      {"man", &man, NULL}, {"completion", &completion, NULL}, {"commands", &commands, NULL}, {"topics", &topics, NULL}};
  enum status status = arguments_parse(argc, argv, "help", known, sizeof known / sizeof *known, &name, &error);
  const bool list = commands || topics;
  if (status == STATUS_OK && (man + completion + list > 1 || (name && (completion || list))))
    status = error_set(&error, STATUS_USAGE,
                       "help takes a command or a topic, or one of --man [NAME], --completion, --commands, --topics");
  if (status != STATUS_OK) return command_fail(&error);

  if (name && strcmp(name, "help") == 0) name = NULL;
  if (man)
    status = print_man_page(name, &error);
  else if (completion)
    completion_print(stdout);
  else if (list)
    list_names(commands, topics);
  else if (name)
    status = print_page(name, &error);
  else
    command_help_print(stdout, NULL);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}

#include "launch/cli/manual.h"

#include "actor/envs/registry.h"
#include "common/base/version.h"
#include "common/config/options.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/embedded.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// --- man(7) ---

// A hyphen that can be searched for and copied; a line that begins with a dot is no request.
static void put_text(FILE *out, const char *text, size_t length) {
  if (length > 0 && (text[0] == '.' || text[0] == '\'')) fputs("\\&", out);
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '-')
      fputs("\\-", out);
    else if (text[i] == '\\')
      fputs("\\e", out);
    else
      fputc(text[i], out);
  }
}

struct page {
  FILE *out;
  bool program; // the page of the program itself
  bool synopsis, examples, options, item;
  bool fresh, pending; // nothing stands since the last heading; the next text begins a paragraph
};

static void put_line(struct page *page, const char *text, size_t length) {
  put_text(page->out, text, length);
  fputc('\n', page->out);
  page->fresh = false;
}

// "  --name VALUE   what it is": up to two blanks stands the tag.
static void put_item(struct page *page, const char *line, size_t length) {
  line += 2;
  length -= 2;
  size_t tag = 0;
  while (tag < length && !(line[tag] == ' ' && tag + 1 < length && line[tag + 1] == ' ')) tag++;
  if (line[0] == '-' && !page->options && !page->program) {
    fputs(".SH OPTIONS\n", page->out);
    page->options = true;
  }
  fputs(".TP\n.B \"", page->out);
  for (size_t i = 0; i < tag; i++) {
    if (line[i] == '"')
      fputs("\\(dq", page->out);
    else
      put_text(page->out, line + i, 1);
  }
  fputs("\"\n", page->out);
  while (tag < length && line[tag] == ' ') tag++;
  if (tag < length) put_line(page, line + tag, length - tag);
  page->item = true;
}

static void begin_examples(struct page *page) {
  fputs(".SH EXAMPLES\n.nf\n", page->out);
  page->examples = true;
}

static void put_plain(struct page *page, const char *line, size_t length, const char *next) {
  if (line[length - 1] == ':' && strncmp(line, "Example", 7) == 0) {
    begin_examples(page);
  } else if (strncmp(line, "Options ", 8) == 0 && line[length - 1] == ':') {
    fputs(".SH OPTIONS\n", page->out);
    page->options = true;
    put_line(page, line, length);
  } else if (strncmp(next, "  -", 3) == 0 && !strchr(".:", line[length - 1])) { // the name of a group of options
    fputs(page->options ? ".SS " : ".SH OPTIONS\n.SS ", page->out);
    page->options = true;
    put_line(page, line, length);
    page->fresh = true;
  } else {
    if (page->item || page->pending) fputs(".PP\n", page->out);
    page->item = page->pending = false;
    put_line(page, line, length);
  }
}

static void put_blank(struct page *page) {
  if (page->synopsis) fputs(".fi\n.SH DESCRIPTION\n", page->out);
  if (page->examples) fputs(".fi\n", page->out);
  page->pending = !page->synopsis && !page->fresh;
  page->fresh = page->synopsis;
  page->synopsis = page->examples = page->item = false;
}

void manual_format(FILE *out, const char *command, const char *summary, const char *text) {
  struct page page = {.out = out, .program = !command, .synopsis = true};
  fprintf(out, ".TH CORSAC%s", command ? "\\-" : "");
  for (const char *c = command ? command : ""; *c; c++)
    if (*c == '-')
      fputs("\\-", out);
    else
      fputc(toupper((unsigned char)*c), out);
  fprintf(out, " 1 \"\" \"corsac %s\"\n.SH NAME\ncorsac%s", CORSAC_VERSION, command ? "\\-" : "");
  put_text(out, command ? command : "", command ? strlen(command) : 0);
  fputs(" \\- ", out);
  put_text(out, summary, strlen(summary));
  fputs("\n.SH SYNOPSIS\n.nf\n", out);
  if (page.program) fputs("corsac COMMAND [arguments]\n.fi\n.SH DESCRIPTION\n", out), page.synopsis = false;
  page.fresh = true;
  for (const char *line = text; *line;) {
    const size_t length = strcspn(line, "\n");
    const char *next = line + length + (line[length] == '\n');
    if (length == 0)
      put_blank(&page);
    else if (page.synopsis || page.examples)
      put_line(&page, line + strspn(line, " "), length - strspn(line, " "));
    else if (strncmp(line, "   ", 3) == 0)
      put_line(&page, line + strspn(line, " "), length - strspn(line, " "));
    else if (strncmp(line, "  ", 2) == 0)
      put_item(&page, line, length);
    else
      put_plain(&page, line, length, next);
    line = next;
  }
  if (page.examples) fputs(".fi\n", out);
  fprintf(out, ".SH SEE ALSO\n");
  if (command) fputs(".BR corsac (1)", out);
  for (size_t i = 0; !command && command_help_name(i); i++) {
    fputs(i ? ",\n.BR corsac\\-" : ".BR corsac\\-", out);
    put_text(out, command_help_name(i), strlen(command_help_name(i)));
    fputs(" (1)", out);
  }
  fputc('\n', out);
}

static enum status read_help(const char *command, char **text, struct error *error) {
  size_t size;
  FILE *memory = open_memstream(text, &size);
  if (!memory) return error_set(error, STATUS_MEMORY, "no memory for a page of help");
  command_help_print(memory, command);
  if (fclose(memory) != 0) return error_set(error, STATUS_MEMORY, "no memory for a page of help");
  return STATUS_OK;
}

// What the program's help says of a command: "  corsac eval       run evaluation episodes with a trained policy".
static void find_summary(const char *program, const char *command, char *summary, size_t size) {
  char start[64];
  snprintf(start, sizeof start, "\n  corsac %s ", command);
  const char *at = strstr(program, start);
  if (at) at += strlen(start);
  if (at) at += strspn(at, " ");
  snprintf(summary, size, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
}

enum status manual_page(FILE *out, const char *command, struct error *error) {
  char *program = NULL, *text = NULL, summary[256] = "distributed Soft Actor-Critic for simulators on a cluster";
  enum status status = read_help(NULL, &program, error);
  if (status == STATUS_OK) status = read_help(command, &text, error);
  if (status == STATUS_OK && command) find_summary(program, command, summary, sizeof summary);
  if (status == STATUS_OK) manual_format(out, command, summary, text);
  free(program);
  free(text);
  return status;
}

// --- bash ---

static bool is_name(char c) { return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '-'; }

// The options that a line of usage, or the tag of an item, names.
static void put_options(FILE *out, const char *line, size_t length) {
  for (size_t i = 0; i + 2 < length; i++) {
    if (line[i] != '-' || line[i + 1] != '-' || !islower((unsigned char)line[i + 2])) continue;
    fputc(' ', out);
    for (; i < length && is_name(line[i]); i++) fputc(line[i], out);
  }
}

// What the usage lets stand in one place: slurm|pbs|lsf|hosts.
static void put_alternatives(FILE *out, const char *line, size_t length) {
  for (size_t i = 0; i < length;) {
    size_t end = i, bars = 0;
    while (end < length && (is_name(line[end]) || line[end] == '|')) bars += line[end++] == '|';
    const bool whole = end > i && (i == 0 || line[i - 1] == ' ') && (end == length || line[end] == ' ');
    if (whole && bars) fputc(' ', out);
    for (size_t k = i; k < end && whole && bars; k++) fputc(line[k] == '|' ? ' ' : line[k], out);
    i = end + 1;
  }
}

static void put_words(FILE *out, const char *text) {
  bool usage = true;
  for (const char *line = text; *line;) {
    const size_t length = strcspn(line, "\n");
    if (length == 0) usage = false;
    if (usage) put_alternatives(out, line, length);
    size_t tag = 2;
    while (tag < length && strncmp(line + tag, "  ", 2) != 0) tag++;
    if (usage)
      put_options(out, line, length);
    else if (strncmp(line, "  --", 4) == 0)
      put_options(out, line, tag);
    line += length + (line[length] == '\n');
  }
}

static void put_table(FILE *out) {
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    for (int no = 0; no <= (option->type == OPTION_BOOL); no++) {
      fputs(no ? " --no-" : " --", out);
      for (const char *c = option->name; *c; c++) fputc(*c == '_' ? '-' : *c, out);
    }
  }
}

static void put_choices(FILE *out) {
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    if (option->type != OPTION_CHOICE) continue;
    fputs("    --", out);
    for (const char *c = option->name; *c; c++) fputc(*c == '_' ? '-' : *c, out);
    fputs(") words='", out);
    for (const char *c = option->choices; *c; c++) fputc(*c == '|' ? ' ' : *c, out);
    fputs("' files= ;;\n", out);
  }
  fputs("    --env) words='", out);
  for (size_t i = 0; i < registry_count(); i++) fprintf(out, "%s%s", i ? " " : "", registry_at(i)->name);
  fputs("' ;;\n", out);
  fputs("    --recipe) words='", out);
  for (size_t i = 0; i < recipes_count; i++) fprintf(out, "%s%s", i ? " " : "", recipes_table[i].name);
  fputs("' ;;\n", out);
}

enum status manual_completion(FILE *out, struct error *error) {
  fputs("# Completion of corsac for bash. Made by `corsac help --completion`.\n"
        "_corsac() {\n"
        "  local current=${COMP_WORDS[COMP_CWORD]} words= files=1\n"
        "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
        "    words='",
        out);
  for (size_t i = 0; command_help_name(i); i++) fprintf(out, "%s ", command_help_name(i));
  fputs("help --help --version'\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "    return\n"
        "  fi\n"
        "  case ${COMP_WORDS[COMP_CWORD - 1]} in\n",
        out);
  put_choices(out);
  fputs("  esac\n"
        "  [ -n \"$words\" ] || case ${COMP_WORDS[1]} in\n",
        out);
  for (size_t i = 0; command_help_name(i); i++) {
    const char *name = command_help_name(i);
    char *text = NULL;
    const enum status status = read_help(name, &text, error);
    if (status != STATUS_OK) return status;
    fprintf(out, "    %s) words='--help", name);
    if (strcmp(name, "train") != 0) put_words(out, text);
    if (strcmp(name, "train") == 0 || strcmp(name, "bench") == 0) put_table(out);
    fputs("' ;;\n", out);
    free(text);
  }
  fputs("    help) words='", out);
  for (size_t i = 0; command_help_name(i); i++) fprintf(out, "%s%s", i ? " " : "", command_help_name(i));
  fputs("' ;;\n"
        "    --version) words=--verbose ;;\n"
        "  esac\n"
        "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "  case ${files:-0}$current in 1-* | 0*) ;; *) COMPREPLY+=($(compgen -f -- \"$current\")) ;; esac\n"
        "}\n"
        "complete -o filenames -F _corsac corsac\n",
        out);
  return STATUS_OK;
}

static enum status unknown_command(const char *name, struct error *error) {
  const char *names[32];
  size_t count = 0;
  while (count < 32 && command_help_name(count)) names[count] = command_help_name(count), count++;
  const char *suggestion = arguments_suggest(name, names, count);
  return error_set(error, STATUS_USAGE, "there is no command '%.100s'%s%s%s; `corsac help` lists what there is", name,
                   suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
}

int command_manual(int argc, char **argv) {
  struct error error = {0};
  bool man = false, completion = false, commands = false;
  const char *name = NULL;
  const struct argument known[] = {
      {"man", &man, NULL}, {"completion", &completion, NULL}, {"commands", &commands, NULL}};
  enum status status = arguments_parse(argc, argv, "help", known, sizeof known / sizeof *known, &name, &error);
  bool found = !name;
  for (size_t i = 0; !found && command_help_name(i); i++) found = strcmp(name, command_help_name(i)) == 0;
  if (status == STATUS_OK && (man + completion + commands != 1 || (name && !man)))
    status =
        error_set(&error, STATUS_USAGE, "help takes one of --man [COMMAND], --completion, --commands, or a command");
  if (status == STATUS_OK && !found) status = unknown_command(name, &error);
  if (status == STATUS_OK && man) status = manual_page(stdout, name, &error);
  if (status == STATUS_OK && completion) status = manual_completion(stdout, &error);
  for (size_t i = 0; status == STATUS_OK && commands && command_help_name(i); i++) puts(command_help_name(i));
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}

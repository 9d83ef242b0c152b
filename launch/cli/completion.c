#include "launch/cli/completion.h"

#include "actor/envs/registry.h"
#include "common/config/options.h"
#include "launch/cli/command.h"
#include "launch/cli/embedded.h"
#include "launch/cli/topics.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_name(char c) { return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '-'; }

// The words of a line of usage, or of an item's tag, that can be typed: options, and alternatives as slurm|pbs|lsf.
static void put_words(FILE *out, const char *line, size_t length) {
  for (size_t i = 0, end; i < length; i = end + 1) {
    size_t bars = 0;
    for (end = i; end < length && (is_name(line[end]) || line[end] == '|'); end++) bars += line[end] == '|';
    const bool option = end > i + 2 && line[i] == '-' && line[i + 1] == '-' && bars == 0;
    const bool alternatives = bars > 0 && (i == 0 || line[i - 1] == ' ') && (end == length || line[end] == ' ');
    if (!option && !alternatives) continue;
    fputc(' ', out);
    for (size_t k = i; k < end; k++) fputc(line[k] == '|' ? ' ' : line[k], out);
  }
}

// Usage ends at the first blank line; the tag of an item ends at two blanks.
static void put_help_words(FILE *out, const char *text) {
  bool usage = true;
  for (const char *line = text; *line;) {
    const size_t length = strcspn(line, "\n");
    size_t tag = 2;
    if (length == 0) usage = false;
    while (tag < length && strncmp(line + tag, "  ", 2) != 0) tag++;
    if (usage)
      put_words(out, line, length);
    else if (strncmp(line, "  -", 3) == 0)
      put_words(out, line, tag);
    line += length + (line[length] == '\n');
  }
}

static void put_option_name(FILE *out, const char *start, const struct option *option) {
  fputs(start, out);
  for (const char *c = option->name; *c; c++) fputc(*c == '_' ? '-' : *c, out);
}

static void put_all_options(FILE *out) {
  for (size_t i = 0; i < options_count(); i++) {
    put_option_name(out, " --", options_at(i));
    if (options_at(i)->type == OPTION_BOOL) put_option_name(out, " --no-", options_at(i));
  }
}

static void put_recipes(FILE *out) {
  for (size_t i = 0; i < recipes_count; i++) fprintf(out, "%s%s", i ? " " : "", recipes_table[i].name);
}

// What may stand after an option.
static void put_values(FILE *out) {
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    if (option->type != OPTION_CHOICE) continue;
    put_option_name(out, "    --", option);
    fputs(") words='", out);
    for (const char *c = option->choices; *c; c++) fputc(*c == '|' ? ' ' : *c, out);
    fputs("' files= ;;\n", out);
  }
  fputs("    --env) words='", out);
  for (size_t i = 0; i < registry_count(); i++) fprintf(out, "%s%s", i ? " " : "", registry_at(i)->name);
  fputs("' ;;\n", out);
  fputs("    --recipe) words='", out);
  put_recipes(out);
  fputs("' ;;\n", out);
}

static void put_commands(FILE *out) {
  for (size_t i = 0; command_help_name(i); i++) fprintf(out, " %s", command_help_name(i));
}

void completion_print(FILE *out) {
  fputs("# Completion of corsac for bash. Made by `corsac help --completion`.\n"
        "_corsac() {\n"
        "  local current=${COMP_WORDS[COMP_CWORD]} words= files=1\n"
        "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
        "    words='help --help --version",
        out);
  put_commands(out);
  fputs("'\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "    return\n"
        "  fi\n"
        "  case ${COMP_WORDS[COMP_CWORD - 1]} in\n",
        out);
  put_values(out);
  fputs("  esac\n"
        "  [ -n \"$words\" ] || case ${COMP_WORDS[1]} in\n",
        out);
  for (size_t i = 0; command_help_name(i); i++) {
    const char *name = command_help_name(i);
    const bool train = strcmp(name, "train") == 0;
    fprintf(out, "    %s) words='--help", name);
    if (!train) put_help_words(out, command_help_text(name));
    if (train || strcmp(name, "bench") == 0) put_all_options(out);
    if (strcmp(name, "recipes") == 0) fputc(' ', out), put_recipes(out);
    fputs("' ;;\n", out);
  }
  fputs("    help) words='", out);
  put_commands(out);
  for (size_t i = 0; i < manual_count; i++) fprintf(out, " %s", manual_table[i].name);
  fputs("' files= ;;\n"
        "    --version) words=--verbose ;;\n"
        "  esac\n"
        "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "  case ${files:-0}$current in 1-* | 0*) ;; *) COMPREPLY+=($(compgen -f -- \"$current\")) ;; esac\n"
        "}\n"
        "complete -o filenames -F _corsac corsac\n",
        out);
}

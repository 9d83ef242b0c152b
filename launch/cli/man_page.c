#include "launch/cli/man_page.h"

#include "common/base/version.h"
#include "launch/cli/markdown.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

// A hyphen can be searched for and copied; a line that begins with a dot is no request. Every line's blanks at its
// begin are left out, except in code.
static void put_text(FILE *out, const char *text, size_t length, bool line_begins, bool code) {
  for (size_t i = 0; i < length; i++) {
    if (line_begins && !code && text[i] == ' ') continue;
    if (line_begins && (text[i] == '.' || text[i] == '\'')) fputs("\\&", out);
    line_begins = text[i] == '\n';
    if (text[i] == '-')
      fputs("\\-", out);
    else if (text[i] == '\\')
      fputs("\\e", out);
    else if (text[i] == '"')
      fputs("\\(dq", out);
    else
      fputc(text[i], out);
  }
}

static void put_line(FILE *out, const char *text, size_t length, bool code) {
  put_text(out, text, length, true, code);
  fputc('\n', out);
}

static void put_section(FILE *out, const char *request, const char *title, size_t length) {
  fprintf(out, ".%s ", request);
  put_line(out, title, length, false);
}

// --- a command's help: usage, paragraphs, items "  --name VALUE   what it is", examples ---

struct help_state {
  FILE *out;
  bool usage, examples;  // lines stay as they are
  bool options;          // the section has begun
  bool fresh, paragraph; // nothing stands since the heading; the next text begins a paragraph
};

static void begin_options(struct help_state *state) {
  if (!state->options) fputs(".SH OPTIONS\n", state->out);
  state->options = state->fresh = true;
}

// The tag ends at two blanks.
static void put_item(struct help_state *state, const char *line, size_t length) {
  size_t tag = 0;
  while (tag < length && strncmp(line + tag, "  ", 2) != 0) tag++;
  if (line[0] == '-') begin_options(state);
  fputs(".TP\n.B \"", state->out);
  put_text(state->out, line, tag, false, false);
  fputs("\"\n", state->out);
  while (tag < length && line[tag] == ' ') tag++;
  if (tag < length) put_line(state->out, line + tag, length - tag, false);
  state->paragraph = true;
}

// A paragraph's line, "Examples:", "Options ...:", or the name of a group of options, which stands on the line before
// the first.
static void put_plain(struct help_state *state, const char *line, size_t length, const char *next) {
  if (strncmp(line, "Example", 7) == 0 && line[length - 1] == ':') {
    fputs(".SH EXAMPLES\n.nf\n", state->out);
    state->examples = true;
  } else if (strncmp(line, "Options ", 8) == 0 && line[length - 1] == ':') {
    begin_options(state);
    put_line(state->out, line, length, false);
  } else if (strncmp(next, "  --", 4) == 0 && line[length - 1] != '.') {
    begin_options(state);
    put_section(state->out, "SS", line, length);
  } else {
    if (state->paragraph && !state->fresh) fputs(".PP\n", state->out);
    put_line(state->out, line, length, false);
    state->paragraph = state->fresh = false;
  }
}

static void put_blank(struct help_state *state) {
  if (state->usage) fputs(".fi\n.SH DESCRIPTION\n", state->out);
  if (state->examples) fputs(".fi\n", state->out);
  state->fresh = state->usage;
  state->usage = state->examples = false;
  state->paragraph = true;
}

static void put_help(FILE *out, const char *text, bool has_usage) {
  struct help_state state = {.out = out, .usage = has_usage, .fresh = true};
  for (const char *line = text; *line;) {
    const size_t length = strcspn(line, "\n"), indent = strspn(line, " ");
    const char *next = line + length + (line[length] == '\n');
    if (length == 0)
      put_blank(&state);
    else if (state.usage || state.examples || indent > 2)
      put_line(out, line + indent, length - indent, false);
    else if (indent == 2)
      put_item(&state, line + indent, length - indent);
    else
      put_plain(&state, line, length, next);
    line = next;
  }
  if (state.examples) fputs(".fi\n", out);
}

// --- a topic's Markdown ---

static void put_run(void *writer, enum markdown_style style, const char *text, size_t length) {
  FILE *out = writer;
  if (style != MARKDOWN_PLAIN) fputs("\\fB", out);
  if (style == MARKDOWN_TOPIC) fputs("corsac\\-", out);
  put_text(out, text, length, false, false);
  if (style != MARKDOWN_PLAIN) fputs("\\fR", out);
  if (style == MARKDOWN_TOPIC) fputs("(1)", out);
}

static void put_runs(FILE *out, const char *text, size_t length) {
  if (length > 0 && (text[0] == '.' || text[0] == '\'')) fputs("\\&", out);
  markdown_runs(text, length, put_run, out);
  fputc('\n', out);
}

static void put_code(FILE *out, const struct markdown_block *block) {
  const char *at = block->text, *line;
  size_t length;
  fputs(".RS 4\n.nf\n", out);
  while (markdown_line(block, &at, &line, &length)) put_line(out, line, length, true);
  fputs(".fi\n.RE\n", out);
}

// The last column takes what is left of the line, and is filled.
static void put_table(FILE *out, const struct markdown_block *block) {
  const char *at = block->text, *line;
  size_t length;
  for (bool header = true; markdown_line(block, &at, &line, &length); header = false) {
    struct markdown_cell cells[MARKDOWN_CELLS];
    const size_t count = markdown_cells(line, length, cells);
    if (header) {
      fputs(".TS\n", out);
      for (size_t i = 0; i < count; i++) fputs(i + 1 < count ? "lb " : "lbx\n", out);
      for (size_t i = 0; i < count; i++) fputs(i + 1 < count ? "l " : "lx.\n", out);
    }
    for (size_t i = 0; i < count; i++) {
      fputs(i + 1 < count ? "" : "T{\n", out);
      markdown_runs(cells[i].text, cells[i].length, put_run, out);
      fputs(i + 1 < count ? "\t" : "\nT}\n", out);
    }
  }
  fputs(".TE\n", out);
}

static void put_item_block(FILE *out, const struct markdown_block *block) {
  const bool bullet = block->mark == strlen("- ");
  fprintf(out, ".IP %.*s %d\n", bullet ? 4 : (int)block->mark - 1, bullet ? "\\(bu" : block->text - block->mark,
          (int)block->mark);
  put_runs(out, block->text, block->length);
}

// Everything after the page's title. A paragraph that follows a heading needs no .PP.
static void put_markdown(FILE *out, const char *page) {
  struct markdown_block block;
  for (bool fresh = true; markdown_next(&page, &block); fresh = block.kind == MARKDOWN_HEADING) {
    const bool paragraph = block.kind != MARKDOWN_HEADING && block.kind != MARKDOWN_ITEM;
    if (paragraph && !fresh) fputs(".PP\n", out);
    switch (block.kind) {
    case MARKDOWN_HEADING: put_section(out, block.level <= 2 ? "SH" : "SS", block.text, block.length); break;
    case MARKDOWN_ITEM: put_item_block(out, &block); break;
    case MARKDOWN_CODE: put_code(out, &block); break;
    case MARKDOWN_TABLE: put_table(out, &block); break;
    case MARKDOWN_TEXT: put_runs(out, block.text, block.length); break;
    }
  }
}

static void put_name(FILE *out, const struct man_page *page) {
  if (page->markdown) fputs("'\\\" t\n", out); // it has tables
  fprintf(out, ".TH CORSAC%s", page->name ? "\\-" : "");
  for (const char *c = page->name ? page->name : ""; *c; c++) {
    const char upper = (char)toupper((unsigned char)*c);
    put_text(out, &upper, 1, false, false);
  }
  fprintf(out, " 1 \"\" \"corsac %s\"\n.SH NAME\ncorsac%s", CORSAC_VERSION, page->name ? "\\-" : "");
  if (page->name) put_text(out, page->name, strlen(page->name), false, false);
  fputs(" \\- ", out);
  put_line(out, page->summary, strlen(page->summary), false);
}

void man_page_print(FILE *out, const struct man_page *page) {
  put_name(out, page);
  if (!page->name) fputs(".SH SYNOPSIS\ncorsac COMMAND [arguments]\n.SH DESCRIPTION\n", out);
  if (page->name && page->help) fputs(".SH SYNOPSIS\n.nf\n", out);
  if (page->help) put_help(out, page->help, page->name);

  struct markdown_block title;
  const char *rest = page->markdown;
  if (rest && markdown_next(&rest, &title)) {
    put_section(out, "SH", page->help ? title.text : "DESCRIPTION", page->help ? title.length : strlen("DESCRIPTION"));
    put_markdown(out, rest);
  }
  fputs(page->name ? ".SH SEE ALSO\n.BR corsac (1)\n"
                   : ".SH SEE ALSO\nEach command and each topic has a page of its own:\n.BR corsac\\-NAME (1)\n",
        out);
}

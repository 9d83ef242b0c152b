#include "launch/cli/terminal_page.h"

#include "launch/cli/markdown.h"

#include <stdlib.h>
#include <string.h>

#define BOLD_BEGIN "\033[1m"
#define BOLD_END   "\033[0m"

static const size_t CODE_INDENT = 4, CELL_GAP = 2;

struct terminal {
  FILE *out;
  bool bold;
  size_t columns;
};

// --- runs ---

static void put_run(void *writer, enum markdown_style style, const char *text, size_t length) {
  const struct terminal *terminal = writer;
  const bool code = style == MARKDOWN_MONOSPACE || style == MARKDOWN_TOPIC;
  const char *mark = terminal->bold ? "" : code ? "`" : "";
  const bool bold = terminal->bold && style != MARKDOWN_PLAIN;
  fprintf(terminal->out, "%s%s%s%.*s%s%s", bold ? BOLD_BEGIN : "", mark, style == MARKDOWN_TOPIC ? "corsac help " : "",
          (int)length, text, mark, bold ? BOLD_END : "");
}

// The columns that a character takes, which an escape sequence and the rest of a UTF-8 character do not. *length: its
// bytes, together with those that take no column.
static size_t character(const char *text, size_t *length) {
  size_t bytes = 1;
  if (*text == '\033') {
    while (text[bytes - 1] && text[bytes - 1] != 'm') bytes++;
    *length = bytes;
    return 0;
  }
  while (((unsigned char)text[bytes] & 0xC0u) == 0x80) bytes++;
  *length = bytes;
  return 1;
}

static size_t width_of(const char *text, size_t length) {
  size_t columns = 0, bytes;
  for (size_t i = 0; i < length; i += bytes) columns += character(text + i, &bytes);
  return columns;
}

// Renders the runs of a text into memory of the caller's.
static enum status render(const struct terminal *terminal, const char *text, size_t length, char **rendered,
                          struct error *error) {
  size_t size;
  struct terminal memory = *terminal;
  memory.out = open_memstream(rendered, &size);
  if (!memory.out) return error_set(error, STATUS_MEMORY, "no memory for a page of the manual");
  markdown_runs(text, length, put_run, &memory);
  return fclose(memory.out) == 0 ? STATUS_OK : error_set(error, STATUS_MEMORY, "no memory for a page of the manual");
}

static void put_blanks(const struct terminal *terminal, size_t count) { fprintf(terminal->out, "%*s", (int)count, ""); }

// --- blocks ---

static bool fits(const char *text, size_t hang, size_t columns) {
  for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
    if (hang + width_of(text, strcspn(text, "\n")) > columns) return false;
  return true;
}

// Words, which stand on the lines they were written on, or fill lines of so many columns. The first line has begun;
// others begin at column `hang`.
static void put_words(const struct terminal *terminal, const char *text, size_t hang) {
  const bool fill = terminal->columns > 0 && !fits(text, hang, terminal->columns);
  size_t at = hang;
  while (*text) {
    const size_t length = strcspn(text, " \n"), width = width_of(text, length);
    const size_t gap = at > hang ? 1 : 0;
    if (fill && gap && at + gap + width > terminal->columns) {
      fputc('\n', terminal->out);
      put_blanks(terminal, hang);
      at = hang;
    } else {
      put_blanks(terminal, gap);
      at += gap;
    }
    fwrite(text, 1, length, terminal->out);
    at += width;
    text += length;
    const size_t space = strspn(text, " \n");
    if (!fill && memchr(text, '\n', space)) {
      fputc('\n', terminal->out);
      put_blanks(terminal, hang);
      at = hang;
    }
    text += space;
  }
  fputc('\n', terminal->out);
}

static enum status put_paragraph(const struct terminal *terminal, const struct markdown_block *block,
                                 struct error *error) {
  char *text = NULL;
  const enum status status = render(terminal, block->text, block->length, &text, error);
  if (status == STATUS_OK) {
    put_blanks(terminal, block->indent);
    fwrite(block->text - block->mark, 1, block->mark, terminal->out);
    put_words(terminal, text, block->indent + block->mark);
  }
  free(text);
  return status;
}

static void put_heading(const struct terminal *terminal, const struct markdown_block *block) {
  fprintf(terminal->out, "%s%.*s%s\n", terminal->bold ? BOLD_BEGIN : "", (int)block->length, block->text,
          terminal->bold ? BOLD_END : "");
}

static void put_code(const struct terminal *terminal, const struct markdown_block *block) {
  const char *at = block->text, *line;
  size_t length;
  while (markdown_line(block, &at, &line, &length)) {
    if (length > 0) put_blanks(terminal, CODE_INDENT);
    fprintf(terminal->out, "%.*s\n", (int)length, line);
  }
}

// The rule under a table's header.
static void put_rule(const struct terminal *terminal, const size_t widths[MARKDOWN_CELLS]) {
  for (size_t i = 0; i < MARKDOWN_CELLS && widths[i] > 0; i++) {
    if (i > 0) put_blanks(terminal, CELL_GAP);
    for (size_t k = 0; k < widths[i]; k++) fputc('-', terminal->out);
  }
  fputc('\n', terminal->out);
}

// One row. measure: nothing is written, the columns' widths grow to hold it.
static enum status put_row(const struct terminal *terminal, const struct markdown_cell *cells, size_t count,
                           bool header, size_t widths[MARKDOWN_CELLS], bool measure, struct error *error) {
  for (size_t i = 0; i < count; i++) {
    char *text = NULL;
    const enum status status = render(terminal, cells[i].text, cells[i].length, &text, error);
    const size_t width = status == STATUS_OK ? width_of(text, strlen(text)) : 0;
    if (measure && widths[i] < width) widths[i] = width;
    if (!measure && status == STATUS_OK) {
      const bool bold = header && terminal->bold;
      fprintf(terminal->out, "%s%s%s", bold ? BOLD_BEGIN : "", text, bold ? BOLD_END : "");
      if (i + 1 < count) put_blanks(terminal, widths[i] - width + CELL_GAP);
    }
    free(text);
    if (status != STATUS_OK) return status;
  }
  if (!measure) fputc('\n', terminal->out);
  return STATUS_OK;
}

// The first pass measures the columns, the second writes the rows.
static enum status put_table(const struct terminal *terminal, const struct markdown_block *block, struct error *error) {
  size_t widths[MARKDOWN_CELLS] = {0};
  for (int pass = 0; pass < 2; pass++) {
    const char *at = block->text, *line;
    size_t length;
    for (bool header = true; markdown_line(block, &at, &line, &length); header = false) {
      struct markdown_cell cells[MARKDOWN_CELLS];
      const size_t count = markdown_cells(line, length, cells);
      if (count == 0 && pass == 1) put_rule(terminal, widths);
      if (count == 0) continue;
      const enum status status = put_row(terminal, cells, count, header, widths, pass == 0, error);
      if (status != STATUS_OK) return status;
    }
  }
  return STATUS_OK;
}

enum status terminal_page_print(FILE *out, const char *markdown, bool bold, size_t columns, struct error *error) {
  const struct terminal terminal = {out, bold, columns};
  struct markdown_block block;
  enum status status = STATUS_OK;
  while (status == STATUS_OK && markdown_next(&markdown, &block)) {
    if (block.apart) fputc('\n', out);
    if (block.kind == MARKDOWN_HEADING)
      put_heading(&terminal, &block);
    else if (block.kind == MARKDOWN_CODE)
      put_code(&terminal, &block);
    else if (block.kind == MARKDOWN_TABLE)
      status = put_table(&terminal, &block, error);
    else
      status = put_paragraph(&terminal, &block, error);
  }
  return status;
}

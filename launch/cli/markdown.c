#include "launch/cli/markdown.h"

#include <ctype.h>
#include <string.h>

// --- blocks ---

static size_t line_length(const char *line) { return strcspn(line, "\n"); }
static const char *line_after(const char *line) {
  const size_t length = line_length(line);
  return line + length + (line[length] == '\n');
}

static size_t blanks(const char *line) { return strspn(line, " "); }
static bool is_blank(const char *line) { return blanks(line) == line_length(line); }
static bool is_fence(const char *line) { return strncmp(line + blanks(line), "```", 3) == 0; }

// The width of "- " or "12. " at the begin of the text, 0 where none is.
static size_t item_mark(const char *text) {
  const size_t digits = strspn(text, "0123456789");
  if (digits == 0) return strncmp(text, "- ", 2) == 0 ? 2 : 0;
  return digits < 4 && strncmp(text + digits, ". ", 2) == 0 ? digits + 2 : 0;
}

static int heading_level(const char *line) {
  const size_t marks = strspn(line, "#");
  return marks >= 1 && marks <= 6 && line[marks] == ' ' ? (int)marks : 0;
}

// Whether the line continues the paragraph or the item before it.
static bool continues(const char *line) {
  const char *text = line + blanks(line);
  return !is_blank(line) && !is_fence(line) && *text != '|' && !heading_level(line) && !item_mark(text);
}

static void end_at(struct markdown_block *block, const char *end) {
  while (end > block->text && end[-1] == '\n') end--;
  block->length = (size_t)(end - block->text);
}

// Of code the lines stay as they are, blank ones too. A fence that is never closed ends with the page.
static const char *take_code(struct markdown_block *block, const char *line) {
  const char *end = block->text = line_after(line);
  while (*end && !is_fence(end)) end = line_after(end);
  end_at(block, end);
  return line_after(end);
}

static const char *take_table(struct markdown_block *block, const char *line) {
  while (line[blanks(line)] == '|') line = line_after(line);
  end_at(block, line);
  return line;
}

static const char *take_text(struct markdown_block *block, const char *line) {
  for (line = line_after(line); *line && continues(line);) line = line_after(line);
  end_at(block, line);
  return line;
}

bool markdown_next(const char **page, struct markdown_block *block) {
  const char *line = *page;
  *block = (struct markdown_block){.kind = MARKDOWN_TEXT};
  for (; *line && is_blank(line); line = line_after(line)) block->apart = true;
  if (!*line) return false;

  block->indent = blanks(line);
  block->text = line + block->indent;
  if (is_fence(line)) {
    block->kind = MARKDOWN_CODE;
    *page = take_code(block, line);
  } else if (*block->text == '|') {
    block->kind = MARKDOWN_TABLE;
    *page = take_table(block, line);
  } else if (heading_level(line)) {
    block->kind = MARKDOWN_HEADING;
    block->level = heading_level(line);
    block->text = line + block->level + 1;
    block->length = line_length(block->text);
    *page = line_after(line);
  } else {
    block->mark = item_mark(block->text);
    if (block->mark) block->kind = MARKDOWN_ITEM;
    block->text += block->mark;
    *page = take_text(block, line);
  }
  return true;
}

bool markdown_line(const struct markdown_block *block, const char **at, const char **line, size_t *length) {
  const char *end = block->text + block->length;
  if (*at >= end) return false;
  *line = *at;
  *length = line_length(*at);
  if (*at + *length > end) *length = (size_t)(end - *at);
  *at += *length + 1;
  return true;
}

static struct markdown_cell trimmed(const char *text, size_t length) {
  while (length > 0 && text[0] == ' ') text++, length--;
  while (length > 0 && text[length - 1] == ' ') length--;
  return (struct markdown_cell){text, length};
}

size_t markdown_cells(const char *row, size_t length, struct markdown_cell cells[MARKDOWN_CELLS]) {
  const struct markdown_cell whole = trimmed(row, length);
  size_t count = 0, begin = 1;
  if (strspn(whole.text, "|-: ") >= whole.length) return 0;
  for (size_t i = 1; i < whole.length && count < MARKDOWN_CELLS; i++) {
    if (whole.text[i] != '|' || whole.text[i - 1] == '\\') continue; // \| is text
    cells[count++] = trimmed(whole.text + begin, i - begin);
    begin = i + 1;
  }
  return count;
}

// --- runs ---

// The length of what stands between the mark at text and the next such mark; 0 where no mark follows.
static size_t marked(const char *text, size_t length, const char *mark) {
  const size_t width = strlen(mark);
  if (length < width || memcmp(text, mark, width) != 0) return 0;
  for (size_t i = width; i + width <= length; i++)
    if (memcmp(text + i, mark, width) == 0) return i - width;
  return 0;
}

struct link {
  struct markdown_cell text, target;
  size_t length; // of [text](target)
};

static bool find_link(const char *text, size_t length, struct link *link) {
  const char *middle = length > 0 && text[0] == '[' ? memchr(text, ']', length) : NULL;
  if (!middle || middle + 1 >= text + length || middle[1] != '(') return false;
  const char *end = memchr(middle, ')', (size_t)(text + length - middle));
  if (!end) return false;
  link->text = (struct markdown_cell){text + 1, (size_t)(middle - text) - 1};
  link->target = (struct markdown_cell){middle + 2, (size_t)(end - middle) - 2};
  link->length = (size_t)(end - text) + 1;
  return true;
}

// [watching](watching.md) is the other page alone, [its own page](watching.md) is the text and the page. A link into
// the sources is its text.
static void put_link(const struct link *link, markdown_put *put, void *writer) {
  const struct markdown_cell *text = &link->text, *target = &link->target;
  const size_t name = target->length > 3 ? target->length - 3 : 0;
  const bool topic = name > 0 && memcmp(target->text + name, ".md", 3) == 0 && !memchr(target->text, '/', name);
  const bool same = topic && text->length == name && memcmp(text->text, target->text, name) == 0;
  const bool web = target->length > 4 && memcmp(target->text, "http", 4) == 0;
  if (!same) put(writer, MARKDOWN_PLAIN, text->text, text->length);
  if (!same && (topic || web)) put(writer, MARKDOWN_PLAIN, " (", 2);
  if (topic || web) put(writer, topic ? MARKDOWN_TOPIC : MARKDOWN_PLAIN, target->text, topic ? name : target->length);
  if (!same && (topic || web)) put(writer, MARKDOWN_PLAIN, ")", 1);
}

void markdown_runs(const char *text, size_t length, markdown_put *put, void *writer) {
  size_t plain = 0; // where the plain text begins that is not put yet
  for (size_t i = 0; i < length;) {
    const size_t code = marked(text + i, length - i, "`"), strong = marked(text + i, length - i, "**");
    struct link link = {0};
    const bool linked = find_link(text + i, length - i, &link);
    const bool escape = text[i] == '\\' && i + 1 < length && ispunct((unsigned char)text[i + 1]);
    if (!code && !strong && !linked && !escape) {
      i++;
      continue;
    }

    if (i > plain) put(writer, MARKDOWN_PLAIN, text + plain, i - plain);
    if (code)
      put(writer, MARKDOWN_MONOSPACE, text + i + 1, code);
    else if (strong)
      put(writer, MARKDOWN_STRONG, text + i + 2, strong);
    else if (linked)
      put_link(&link, put, writer);
    plain = i + (code ? code + 2 : strong ? strong + 4 : linked ? link.length : 1);
    i = plain + (escape ? 1 : 0);
  }
  if (length > plain) put(writer, MARKDOWN_PLAIN, text + plain, length - plain);
}

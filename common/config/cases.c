#include "common/config/cases.h"

#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/base/printable.h"
#include "common/base/random.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

// --- the text of a file ---

// The text while it is read.
struct parser {
  const char *name; // what messages begin with
  char *cases;      // (CONFIG_CASES) the lines so far
  size_t used;
  unsigned count, number;           // cases; the current line of the text, from 1
  unsigned lines[CONFIG_MAX_CASES]; // where each case stands in the text
  struct error *error;
};

__attribute__((format(printf, 2, 3))) static enum status fail(const struct parser *parser, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return error_set(parser->error, STATUS_USAGE, "%.400s: line %u %s", parser->name, parser->number, text);
}

static size_t name_length(const char *line) { return strcspn(line, " \n"); }

// Which case has this name already; -1: none.
static int find_name(const struct parser *parser, const char *line) {
  const size_t length = name_length(line);
  const char *at = parser->cases;
  for (unsigned i = 0; i < parser->count; i++, at = strchr(at, '\n') + 1)
    if (name_length(at) == length && memcmp(at, line, length) == 0) return (int)i;
  return -1;
}

// line: without blanks around it, and with a 0.
static enum status check_line(const struct parser *parser, const char *line, size_t size) {
  if (strlen(line) != size) return fail(parser, "holds a zero byte; a cases file is text");
  if (size >= CASES_LINE) return fail(parser, "has %zu bytes; a case may have %d", size, CASES_LINE - 1);
  for (size_t at = 0, length; at < size; at += length)
    if ((length = printable_length(line + at)) == 0)
      return fail(parser, "has a byte that is not printable UTF-8, the %zuth; a cases file is text", at + 1);
  const size_t length = name_length(line);
  if (length >= CASES_NAME)
    return fail(parser,
                "begins with a name of %zu bytes, %.60s; it may have %d: put a short name and a space before it",
                length, line, CASES_NAME - 1);
  if (strcspn(line, ",\"") < length)
    return fail(parser,
                "begins with the name %.*s; a name is a column of metrics.csv and has no comma and no quote: put "
                "another name and a space before it",
                (int)length, line);
  const int same = find_name(parser, line);
  if (same >= 0)
    return fail(parser, "is a second case %.*s, after line %u; names have to differ", (int)length, line,
                parser->lines[same]);
  return STATUS_OK;
}

static enum status add_line(struct parser *parser, char *line, size_t size) {
  const enum status status = check_line(parser, line, size);
  if (status != STATUS_OK) return status;
  if (parser->count == CONFIG_MAX_CASES) return fail(parser, "is one case more than %d", CONFIG_MAX_CASES);
  if (parser->used + size + 2 > CONFIG_CASES)
    return fail(parser, "is too much: all cases together may have %d bytes", CONFIG_CASES - 1);
  memcpy(parser->cases + parser->used, line, size);
  parser->used += size;
  parser->cases[parser->used++] = '\n';
  parser->cases[parser->used] = '\0';
  parser->lines[parser->count++] = parser->number;
  return STATUS_OK;
}

// Takes the blanks off both ends of a line. Returns where it begins.
static const char *trim(const char *line, size_t *size) {
  while (*size > 0 && memchr(" \t\r", line[*size - 1], 3)) (*size)--;
  while (*size > 0 && memchr(" \t", *line, 2)) line++, (*size)--;
  return line;
}

static enum status take_line(struct parser *parser, const char *text, size_t size) {
  char line[CASES_LINE + 1];
  text = trim(text, &size);
  if (size == 0 || *text == '#') return STATUS_OK;
  const size_t kept = size < CASES_LINE ? size : CASES_LINE;
  memcpy(line, text, kept);
  line[kept] = '\0';
  for (size_t i = 0; i < kept; i++)
    if (line[i] == '\t') line[i] = ' ';
  if (size > kept) return fail(parser, "has %zu bytes; a case may have %d", size, CASES_LINE - 1);
  return add_line(parser, line, size);
}

enum status cases_parse(const char *text, size_t size, const char *name, char cases[CONFIG_CASES],
                        struct error *error) {
  static const char mark[] = "\xef\xbb\xbf"; // some editors begin UTF-8 with it
  char found[CONFIG_CASES] = "";
  struct parser parser = {.name = name, .cases = found, .error = error};
  if (size >= 3 && memcmp(text, mark, 3) == 0) text += 3, size -= 3;
  while (size > 0) {
    const char *end = memchr(text, '\n', size);
    const size_t length = end ? (size_t)(end - text) : size;
    parser.number++;
    const enum status status = take_line(&parser, text, length);
    if (status != STATUS_OK) return status;
    text += length + (end != NULL);
    size -= length + (end != NULL);
  }
  if (parser.count == 0)
    return error_set(error, STATUS_USAGE,
                     "%.400s: holds no case; each line is one: a name, a space, and what its environment is to read",
                     name);
  memcpy(cases, found, sizeof found);
  return STATUS_OK;
}

// --- files ---

static enum status read_file(const char *path, char *text, size_t *size, struct error *error) {
  struct error unread = {0};
  FILE *file = file_read_plain(path, &unread);
  if (!file) return error_set(error, STATUS_USAGE, "cases: %.700s", unread.text);
  *size = fread(text, 1, CASES_FILE + 1, file);
  const bool failed = ferror(file);
  const int reason = errno;
  fclose(file);
  if (failed) return error_set(error, STATUS_USAGE, "cases: %.400s: cannot be read: %s", path, strerror(reason));
  if (*size > CASES_FILE)
    return error_set(error, STATUS_USAGE, "cases: %.400s: has more than %d bytes, so it is no cases file", path,
                     CASES_FILE);
  return STATUS_OK;
}

enum status cases_load(struct config *config, struct error *error) {
  if (!cases_are_given(config) || strchr(config->cases, '\n')) return STATUS_OK;
  char name[CONFIG_TEXT];
  size_t size = 0;
  char *text = memory_alloc(CASES_FILE + 1, 1, "the cases file", error);
  if (!text) return STATUS_MEMORY;
  snprintf(name, sizeof name, "cases: %.*s", (int)sizeof name - 8, config->cases);
  enum status status = read_file(config->cases, text, &size, error);
  if (status == STATUS_OK) status = cases_parse(text, size, name, config->cases, error);
  memory_free(text);
  return status;
}

// --- the cases ---

uint32_t cases_count(const struct config *config) {
  uint32_t count = 0;
  for (const char *at = config->cases; (at = strchr(at, '\n')); at++) count++;
  return count;
}

static const char *find_line(const struct config *config, uint32_t index) {
  const char *at = config->cases;
  for (; index > 0; index--) at = strchr(at, '\n') + 1;
  return at;
}

void cases_line(const struct config *config, uint32_t index, char line[CASES_LINE]) {
  const char *at = find_line(config, index);
  snprintf(line, CASES_LINE, "%.*s", (int)strcspn(at, "\n"), at);
}

void cases_name(const struct config *config, uint32_t index, char name[CASES_NAME]) {
  const char *at = find_line(config, index);
  snprintf(name, CASES_NAME, "%.*s", (int)name_length(at), at);
}

uint32_t cases_find(const struct config *config, bool evaluation, uint64_t environment, uint64_t episode) {
  const uint32_t count = cases_count(config);
  if (evaluation) return (uint32_t)(episode % count);
  if (!cases_per_episode(config)) return (uint32_t)(environment % count);
  struct random random = random_stream(config->seed, RANDOM_CASE, (uint32_t)environment, episode);
  return random_bounded(&random, count);
}

void cases_join(const char *args, const char *line, char joined[CASES_ARGS]) {
  snprintf(joined, CASES_ARGS, "%s%s%s", args, *args ? " " : "", line);
}

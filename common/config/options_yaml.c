// Options as YAML: read from a file or a text, and written.
#include "common/config/options.h"

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/environment_form.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

enum { OPTIONS_MAX = 128, VALUE_SIZE = 2048 };

// A document while it is read. config is a copy, which replaces the caller's on success.
struct reader {
  yaml_parser_t parser;
  yaml_event_t event; // the current one; next releases it
  const char *name;
  struct config config;
  size_t line_of[OPTIONS_MAX]; // of each option; 0: not given yet
  struct error *error;
};

// config, resume and recipe name the files that a configuration comes from. Inside such a file they could lead to
// further files, or in a circle, so they are refused there.
static bool names_source(const struct option *option) {
  return option->offset == offsetof(struct config, config) || option->offset == offsetof(struct config, resume) ||
         option->offset == offsetof(struct config, recipe);
}

static size_t line_number(const struct reader *reader) { return reader->event.start_mark.line + 1; }

__attribute__((format(printf, 2, 3))) static enum status fail(struct reader *reader, const char *format, ...) {
  char text[sizeof reader->error->text];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return error_set(reader->error, STATUS_USAGE, "%s:%zu: %s", reader->name, line_number(reader), text);
}

// Moves on to the next event. On failure the parser leaves the event unfilled, so the message has the parser's own
// line.
static enum status next(struct reader *reader) {
  yaml_event_delete(&reader->event);
  if (yaml_parser_parse(&reader->parser, &reader->event)) return STATUS_OK;
  const yaml_parser_t *parser = &reader->parser;
  memset(&reader->event, 0, sizeof reader->event);
  const char *problem = parser->problem ? parser->problem : "it cannot be read";
  if (parser->error == YAML_READER_ERROR) {
    return error_set(reader->error, STATUS_USAGE, "%s: byte %zu: this is not YAML: %s", reader->name,
                     parser->problem_offset + 1, problem);
  }
  return error_set(reader->error, STATUS_USAGE, "%s:%zu: this is not YAML: %s%s%s", reader->name,
                   parser->problem_mark.line + 1, problem, parser->context ? " " : "",
                   parser->context ? parser->context : "");
}

static const char *scalar(const struct reader *reader) { return (const char *)reader->event.data.scalar.value; }

// Without a zero byte, which would hide what follows it.
static bool is_whole(const struct reader *reader) { return strlen(scalar(reader)) == reader->event.data.scalar.length; }

static bool is_null(const struct reader *reader) {
  if (reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
  return !*scalar(reader) || strcmp(scalar(reader), "~") == 0 || strcmp(scalar(reader), "null") == 0;
}

// Reads the elements of [256, 256] and joins them by commas, as the command line has them.
static enum status join_sequence(struct reader *reader, const char *key, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (;;) {
    enum status status = next(reader);
    if (status != STATUS_OK) return status;
    if (reader->event.type == YAML_SEQUENCE_END_EVENT) return STATUS_OK;
    if (reader->event.type != YAML_SCALAR_EVENT || !is_whole(reader)) {
      return fail(reader, "%s: every element must be a number", key);
    }
    used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "", scalar(reader));
    if (used >= size) return fail(reader, "%s: this sequence is too long", key);
  }
}

// --- env as a mapping: id, and the keyword arguments of a gym: environment, which become id?key=value&key=value ---

enum { QUERY_DEPTH = 16 };

struct query {
  char text[VALUE_SIZE]; // longer than an option may be, so what is cut off here is refused later
  size_t used;
};

static void put(struct query *query, const char *text) {
  query->used = text_append(query->text, sizeof query->text, query->used, "%s", text);
}

// A value's character. The separators of arguments are written as bytes.
static void put_character(struct query *query, char c) {
  query->used = text_append(query->text, sizeof query->text, query->used, c == '&' || c == '%' ? "%%%02X" : "%c",
                            (unsigned char)c);
}

static void put_string(struct query *query, const char *text) {
  put(query, "\"");
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') put(query, "\\");
    put_character(query, *text);
  }
  put(query, "\"");
}

static bool is_number(const char *text) {
  const char *digits = text + (*text == '-');
  char *end;
  if (!isdigit((unsigned char)*digits) || (*digits == '0' && isdigit((unsigned char)digits[1]))) return false;
  strtod(text, &end);
  return !*end && text[strspn(text, "-+.eE0123456789")] == '\0' && isdigit((unsigned char)end[-1]);
}

// Writes a scalar as a literal of JSON. A plain text may stand as it is, where it is not inside of another value.
static enum status put_scalar(struct reader *reader, struct query *query, bool nested) {
  const bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  const char *text = scalar(reader);
  if (!is_whole(reader)) return fail(reader, "env: holds a zero byte");
  if (is_null(reader))
    put(query, "null");
  else if (plain && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0))
    put(query, *text == 't' || *text == 'T' ? "true" : "false");
  else if (plain && (is_number(text) || !nested))
    for (; *text; text++) put_character(query, *text);
  else
    put_string(query, text);
  return STATUS_OK;
}

// Writes the current event, a value at this depth, and all that belongs to it.
static enum status put_value(struct reader *reader, struct query *query, int depth) {
  const yaml_event_type_t type = reader->event.type;
  const bool mapping = type == YAML_MAPPING_START_EVENT;
  if (type == YAML_SCALAR_EVENT) return put_scalar(reader, query, depth > 0);
  if (!mapping && type != YAML_SEQUENCE_START_EVENT)
    return fail(reader, "env: an argument is a value, a sequence or a mapping, not an alias");
  if (depth == QUERY_DEPTH) return fail(reader, "env: an argument nests %d deep at most", QUERY_DEPTH);
  put(query, mapping ? "{" : "[");
  for (bool first = true;; first = false) {
    enum status status = next(reader);
    if (status != STATUS_OK) return status;
    if (reader->event.type == YAML_MAPPING_END_EVENT || reader->event.type == YAML_SEQUENCE_END_EVENT) break;
    if (!first) put(query, ",");
    if (mapping) {
      if (reader->event.type != YAML_SCALAR_EVENT || !is_whole(reader))
        return fail(reader, "env: a key must be a text");
      put_string(query, scalar(reader));
      put(query, ":");
      status = next(reader);
    }
    if (status == STATUS_OK) status = put_value(reader, query, depth + 1);
    if (status != STATUS_OK) return status;
  }
  put(query, mapping ? "}" : "]");
  return STATUS_OK;
}

// Reads an argument, whose key is the current event, or the id.
static enum status read_argument(struct reader *reader, char id[CONFIG_TEXT], struct query *query) {
  if (reader->event.type != YAML_SCALAR_EVENT || !is_whole(reader)) return fail(reader, "env: a key must be a text");
  if (strcmp(scalar(reader), "id") != 0) {
    put(query, query->used ? "&" : "");
    put(query, scalar(reader));
    put(query, "=");
    const enum status status = next(reader);
    return status == STATUS_OK ? put_value(reader, query, 0) : status;
  }
  const enum status status = next(reader);
  if (status != STATUS_OK) return status;
  if (reader->event.type != YAML_SCALAR_EVENT || !is_whole(reader)) return fail(reader, "env: id must be a text");
  snprintf(id, CONFIG_TEXT, "%s", scalar(reader));
  return STATUS_OK;
}

static enum status read_env(struct reader *reader, const struct option *option, const char *where) {
  char id[CONFIG_TEXT] = "", text[CONFIG_TEXT + VALUE_SIZE];
  struct query query = {.used = 0};
  for (;;) {
    enum status status = next(reader);
    if (status != STATUS_OK) return status;
    if (reader->event.type == YAML_MAPPING_END_EVENT) break;
    status = read_argument(reader, id, &query);
    if (status != STATUS_OK) return status;
  }
  if (!*id)
    return fail(reader, "env: a mapping needs id: gym:ID or pettingzoo:MODULE; the other keys are its arguments");
  if (query.used && !environment_form_is_python(environment_form_of(id)))
    return fail(reader, "env: only gym:ID and pettingzoo:MODULE take arguments by key, and id is %.100s", id);
  snprintf(text, sizeof text, "%s%s%s", id, !query.used ? "" : strchr(id, '?') ? "&" : "?", query.text);
  return option_set(option, &reader->config, text, where, reader->error);
}

// --- options ---

// Reads the current event as the value of `option`.
static enum status read_value(struct reader *reader, const struct option *option) {
  char text[VALUE_SIZE], where[VALUE_SIZE];
  snprintf(where, sizeof where, "%.900s:%zu: %s", reader->name, line_number(reader), option->name);
  switch (reader->event.type) {
  case YAML_SCALAR_EVENT:
    if (!is_whole(reader)) return fail(reader, "%s: holds a zero byte", option->name);
    if (names_source(option) && *scalar(reader) && !is_null(reader)) {
      return fail(reader, "%s: goes on the command line, not into a file", option->name);
    }
    return option_set(option, &reader->config, is_null(reader) ? option->default_text : scalar(reader), where,
                      reader->error);
  case YAML_SEQUENCE_START_EVENT:
    if (option->type != OPTION_WIDTHS && option->type != OPTION_NUMBERS)
      return fail(reader, "%s: must be a single value, not a sequence", option->name);
    enum status status = join_sequence(reader, option->name, text, sizeof text);
    return status == STATUS_OK ? option_set(option, &reader->config, text, where, reader->error) : status;
  case YAML_ALIAS_EVENT: return fail(reader, "%s: must be a value, not an alias", option->name);
  default:
    if (option->offset == offsetof(struct config, env)) return read_env(reader, option, where);
    return fail(reader, "%s: must be a single value, not a mapping", option->name);
  }
}

// Reads the current event as a key, and its value.
static enum status read_pair(struct reader *reader) {
  if (reader->event.type != YAML_SCALAR_EVENT) return fail(reader, "a key must be the name of an option");
  const struct option *option = is_whole(reader) ? options_find(scalar(reader)) : NULL;
  if (!option) {
    const char *suggestion = options_suggest(scalar(reader));
    if (suggestion)
      return fail(reader, "%.100s: there is no such option; did you mean %s?", scalar(reader), suggestion);
    return fail(reader, "%.100s: there is no such option; `corsac options` lists them", scalar(reader));
  }
  size_t index = (size_t)(option - options_at(0));
  if (reader->line_of[index]) {
    return fail(reader, "%s: is given twice, first in line %zu", option->name, reader->line_of[index]);
  }
  reader->line_of[index] = line_number(reader);
  enum status status = next(reader);
  return status == STATUS_OK ? read_value(reader, option) : status;
}

static enum status read_mapping(struct reader *reader) {
  for (;;) {
    enum status status = next(reader);
    if (status != STATUS_OK || reader->event.type == YAML_MAPPING_END_EVENT) return status;
    status = read_pair(reader);
    if (status != STATUS_OK) return status;
  }
}

static enum status read_stream(struct reader *reader) {
  enum status status = next(reader); // the start of the stream
  if (status == STATUS_OK) status = next(reader);
  if (status != STATUS_OK || reader->event.type == YAML_STREAM_END_EVENT) return status; // nothing but comments
  status = next(reader);
  if (status != STATUS_OK) return status;
  bool is_empty = reader->event.type == YAML_SCALAR_EVENT && is_null(reader);
  if (!is_empty && reader->event.type != YAML_MAPPING_START_EVENT) {
    return fail(reader, "the document must be a mapping, with lines of the form batch_size: 256");
  }
  if (!is_empty) status = read_mapping(reader);
  if (status == STATUS_OK) status = next(reader); // the end of the document
  if (status == STATUS_OK) status = next(reader);
  if (status != STATUS_OK || reader->event.type == YAML_STREAM_END_EVENT) return status;
  return fail(reader, "a second document begins here; there must be one");
}

// Reads from text, or from file where text is NULL.
static enum status read_yaml(FILE *file, const char *text, size_t length, const char *name, struct config *config,
                             struct error *error) {
  struct error unread = {0};
  struct reader reader = {.name = name, .config = *config, .error = error ? error : &unread};
  if (options_count() > OPTIONS_MAX || !yaml_parser_initialize(&reader.parser)) {
    return error_set(error, STATUS_MEMORY, "%s: the YAML parser cannot be started", name);
  }
  if (text)
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
  else
    yaml_parser_set_input_file(&reader.parser, file);
  enum status status = read_stream(&reader);
  if (status == STATUS_OK) *config = reader.config;
  yaml_event_delete(&reader.event);
  yaml_parser_delete(&reader.parser);
  return status;
}

enum status options_parse_yaml(const char *text, size_t length, const char *name, struct config *config,
                               struct error *error) {
  return read_yaml(NULL, text, length, name, config, error);
}

enum status options_read_yaml(const char *path, struct config *config, struct error *error) {
  FILE *file = file_read_plain(path, error);
  if (!file) return STATUS_IO;
  struct error problem = {0};
  errno = 0;
  enum status status = read_yaml(file, NULL, 0, path, config, &problem);
  int reason = errno;
  if (status != STATUS_OK && ferror(file)) {
    status = error_set(error, STATUS_IO, "%s: cannot be read: %s", path, strerror(reason));
  } else if (status != STATUS_OK) {
    error_set(error, status, "%s", problem.text);
  }
  fclose(file);
  return status;
}

// --- writing ---

// In double quotes. option_set accepts printable characters only, so only the quote and the backslash need escaping.
static size_t append_quoted(char *text, size_t size, size_t used, const char *value) {
  used = text_append(text, size, used, "\"");
  for (; *value; value++) used = text_append(text, size, used, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
  return text_append(text, size, used, "\"");
}

// As a block of lines: `cases: |`. Without lines it is a path, in double quotes.
static size_t append_lines(char *text, size_t size, size_t used, const char *lines) {
  if (!strchr(lines, '\n')) return append_quoted(text, size, used, lines);
  used = text_append(text, size, used, "|");
  for (const char *end; (end = strchr(lines, '\n')); lines = end + 1)
    used = text_append(text, size, used, "\n  %.*s", (int)(end - lines), lines);
  return used;
}

size_t options_format_yaml(const struct config *config, char *text, size_t size) {
  size_t used = 0;
  const char *group = "";
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    if (strcmp(option->group, group) != 0)
      used = text_append(text, size, used, "%s# %s\n", i ? "\n" : "", option->group);
    group = option->group;
    char value[CONFIG_TEXT] = "";
    if (!names_source(option)) option_get(option, config, value, sizeof value);
    used = text_append(text, size, used, "%s: ", option->name);
    if (option->type == OPTION_TEXT)
      used = append_quoted(text, size, used, value);
    else if (option->type == OPTION_LINES)
      used = append_lines(text, size, used, (const char *)config + option->offset);
    else
      used = text_append(text, size, used, "%s", value);
    used = text_append(text, size, used, "\n");
  }
  return used;
}

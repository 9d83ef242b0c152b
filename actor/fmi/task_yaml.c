#include "actor/fmi/task_impl.h"

#include "common/base/file.h"
#include "common/base/suggest.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
  yaml_document_t document;
  struct task *task;
  const struct description *description;
  const char *path;
  struct error *error;
};

enum kind { NUMBER, SWITCH, TEXT, LIST };
enum values { NO_VALUES, BOUNDS, RANGES, NUMBERS, VARIABLES }; // of the names in a list
static const struct key {
  const char *name;
  enum kind kind;
  size_t offset, line_offset;
  enum values values;
} keys[] = {{"step_size", NUMBER, offsetof(struct task, step_size), 0, NO_VALUES},
            {"start_time", NUMBER, offsetof(struct task, start_time), 0, NO_VALUES},
            {"stop_time", NUMBER, offsetof(struct task, stop_time), 0, NO_VALUES},
            {"tolerance", NUMBER, offsetof(struct task, tolerance), 0, NO_VALUES},
            {"substeps", NUMBER, offsetof(struct task, substeps), 0, NO_VALUES},
            {"fresh", SWITCH, offsetof(struct task, fresh), 0, NO_VALUES},
            {"isolate", SWITCH, offsetof(struct task, isolate), 0, NO_VALUES},
            {"names", LIST, offsetof(struct task, names), 0, VARIABLES},
            {"actions", LIST, offsetof(struct task, actions), 0, BOUNDS},
            {"observations", LIST, offsetof(struct task, observations), 0, NO_VALUES},
            {"start", LIST, offsetof(struct task, start), 0, NUMBERS},
            {"vary", LIST, offsetof(struct task, vary), 0, RANGES},
            {"info", LIST, offsetof(struct task, info), 0, VARIABLES},
            {"reward", TEXT, offsetof(struct task, reward), offsetof(struct task, reward_line), NO_VALUES},
            {"terminated", TEXT, offsetof(struct task, terminated), offsetof(struct task, terminated_line), NO_VALUES}};
enum { KEYS = sizeof keys / sizeof *keys };

static size_t line_of(const yaml_node_t *node) { return node->start_mark.line + 1; }

__attribute__((format(printf, 3, 4))) static enum status fail(struct reader *reader, const yaml_node_t *node,
                                                              const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return error_set(reader->error, STATUS_USAGE, "%s:%zu: %s", reader->path, line_of(node), text);
}

static yaml_node_t *node_at(struct reader *reader, int index) {
  return yaml_document_get_node(&reader->document, index);
}

// NULL: the node is no single value.
static const char *text_of(const yaml_node_t *node) {
  const bool single =
      node->type == YAML_SCALAR_NODE && strlen((char *)node->data.scalar.value) == node->data.scalar.length;
  return single ? (const char *)node->data.scalar.value : NULL;
}

static bool is_empty(const yaml_node_t *node) {
  const char *text = text_of(node);
  return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
         (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static bool number_of(const yaml_node_t *node, double *value) {
  const char *text = text_of(node);
  if (!text || !*text) return false;
  if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
    *value = *text == 't';
    return true;
  }
  char *end;
  *value = strtod(text, &end);
  return !*end && isfinite(*value);
}

// --- lists of variables ---

static enum status find_variable(struct reader *reader, const yaml_node_t *node, const char *key, const char *name,
                                 const struct fmi_variable **variable) {
  *variable = task_find(reader->task, reader->description, name);
  if (!*variable) {
    const char *near = description_suggest(reader->description, name);
    return fail(reader, node, "%s: the FMU has no variable \"%.100s\"%s%.100s%s", key, name,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  }
  const bool is_text = (*variable)->type == FMI_STRING && strcmp(key, "start") == 0;
  if ((*variable)->type >= FMI_NUMBERS && !is_text)
    return fail(reader, node, "%s: \"%.100s\" is no number in the FMU", key, name);
  if ((*variable)->count == 0)
    return fail(reader, node, "%s: the size of \"%.100s\" is not fixed in the FMU", key, name);
  return STATUS_OK;
}

static enum status read_pair(struct reader *reader, const struct key *key, const yaml_node_t *value,
                             struct task_entry *entry) {
  const yaml_node_item_t *item = value->type == YAML_SEQUENCE_NODE ? value->data.sequence.items.start : NULL;
  const bool two = item && value->data.sequence.items.top - item == 2;
  if (key->values == BOUNDS && is_empty(value)) return STATUS_OK;
  if (two && number_of(node_at(reader, item[0]), &entry->low) && number_of(node_at(reader, item[1]), &entry->high) &&
      entry->low < entry->high)
    return STATUS_OK;
  return fail(reader, value, "%s: %s: two numbers, [low, high] with low < high, have to stand here", key->name,
              entry->name);
}

static enum status read_start(struct reader *reader, const struct key *key, const yaml_node_t *value,
                              struct task_entry *entry) {
  const bool is_text = entry->variable->type == FMI_STRING;
  if (is_text && text_of(value)) {
    entry->text = strdup(text_of(value));
    return entry->text ? STATUS_OK : error_set(reader->error, STATUS_MEMORY, "not enough memory for a task");
  }
  if (!is_text && number_of(value, &entry->low)) return STATUS_OK;
  return fail(reader, value, "%s: %.100s: a %s has to stand here", key->name, entry->name, is_text ? "text" : "number");
}

static enum status read_entry(struct reader *reader, const struct key *key, const yaml_node_t *name,
                              const yaml_node_t *value, struct task_entry *entry) {
  const char *text = text_of(name), *variable = text;
  if (!text || !*text) return fail(reader, name, "%s: the name of a variable has to stand here", key->name);
  if (key->values == VARIABLES && value) variable = text_of(value);
  if (!variable) return fail(reader, value, "%s: %.100s: the name of a variable has to stand here", key->name, text);
  *entry = (struct task_entry){.name = strdup(text), .low = NAN, .high = NAN, .line = line_of(name)};
  if (!entry->name) return error_set(reader->error, STATUS_MEMORY, "not enough memory for a task");
  enum status status = find_variable(reader, name, key->name, variable, &entry->variable);
  if (status != STATUS_OK) return status;
  if (value && (key->values == BOUNDS || key->values == RANGES)) return read_pair(reader, key, value, entry);
  if (value && key->values == NUMBERS) return read_start(reader, key, value, entry);
  return STATUS_OK;
}

static enum status check_new(struct reader *reader, const struct key *key, const struct task_list *list,
                             const yaml_node_t *node) {
  const struct task_entry *last = &list->entries[list->count - 1];
  for (const struct task_entry *entry = list->entries; entry < last; entry++)
    if (key->values == VARIABLES ? strcmp(entry->name, last->name) == 0 : entry->variable == last->variable)
      return fail(reader, node, "%s: \"%.100s\" is given twice, first in line %zu", key->name, last->name, entry->line);
  return STATUS_OK;
}

static enum status read_list(struct reader *reader, const struct key *key, const yaml_node_t *node,
                             struct task_list *list) {
  const bool mapping = node->type == YAML_MAPPING_NODE, sequence = node->type == YAML_SEQUENCE_NODE;
  const bool wants_mapping = key->values == RANGES || key->values == NUMBERS || key->values == VARIABLES;
  if (is_empty(node)) return STATUS_OK;
  if (!(mapping && key->values != NO_VALUES) && !(sequence && !wants_mapping))
    return fail(reader, node, "%s: %s have to stand here", key->name,
                wants_mapping ? "lines of the form NAME: VALUE" : "names of variables, [a, b]");
  const size_t count = mapping ? (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start)
                               : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
  list->entries = calloc(count + 1, sizeof *list->entries);
  if (!list->entries) return error_set(reader->error, STATUS_MEMORY, "not enough memory for a task");
  list->given = true;
  for (size_t i = 0; i < count; i++) {
    const yaml_node_t *name =
        node_at(reader, mapping ? node->data.mapping.pairs.start[i].key : node->data.sequence.items.start[i]);
    const yaml_node_t *value = mapping ? node_at(reader, node->data.mapping.pairs.start[i].value) : NULL;
    list->count++;
    enum status status = read_entry(reader, key, name, value, &list->entries[i]);
    if (status == STATUS_OK) status = check_new(reader, key, list, name);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

// --- the document ---

static enum status read_value(struct reader *reader, const struct key *key, const yaml_node_t *node) {
  char *field = (char *)reader->task + key->offset;
  double number;
  switch (key->kind) {
  case NUMBER:
    if (!number_of(node, (double *)(void *)field))
      return fail(reader, node, "%s: a number has to stand here", key->name);
    return STATUS_OK;
  case SWITCH:
    if (!number_of(node, &number) || (number != 0 && number != 1))
      return fail(reader, node, "%s: true or false has to stand here", key->name);
    *(bool *)field = number != 0;
    return STATUS_OK;
  case TEXT:
    if (is_empty(node)) return STATUS_OK;
    if (!text_of(node)) return fail(reader, node, "%s: a variable or an expression has to stand here", key->name);
    char *copy = strdup(text_of(node));
    if (!copy) return error_set(reader->error, STATUS_MEMORY, "not enough memory for a task");
    *(char **)(void *)field = copy;
    *(size_t *)(void *)((char *)reader->task + key->line_offset) = line_of(node);
    return STATUS_OK;
  default: return read_list(reader, key, node, (struct task_list *)(void *)field);
  }
}

static enum status read_key(struct reader *reader, const yaml_node_t *name, const yaml_node_t *value,
                            size_t *line_of_key) {
  const char *text = text_of(name);
  struct suggestion suggestion = {.word = text ? text : ""};
  for (size_t i = 0; text && i < KEYS; i++) {
    suggest_try(&suggestion, keys[i].name, 3);
    if (strcmp(keys[i].name, text) != 0) continue;
    if (line_of_key[i]) return fail(reader, name, "%s: is given twice, first in line %zu", text, line_of_key[i]);
    line_of_key[i] = line_of(name);
    return read_value(reader, &keys[i], value);
  }
  return fail(reader, name, "a task has no \"%.60s\"%s%s%s", text ? text : "", suggestion.name ? "; did you mean " : "",
              suggestion.name ? suggestion.name : "", suggestion.name ? "?" : "");
}

// names come first, since the other lists use them.
static enum status read_document(struct reader *reader) {
  size_t line_of_key[KEYS] = {0};
  yaml_node_t *root = yaml_document_get_root_node(&reader->document);
  if (!root || is_empty(root)) return STATUS_OK; // nothing but comments
  if (root->type != YAML_MAPPING_NODE) return fail(reader, root, "a task has lines of the form step_size: 0.1");
  for (int pass = 0; pass < 2; pass++)
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
      const yaml_node_t *name = node_at(reader, pair->key);
      const bool is_names = text_of(name) && strcmp(text_of(name), "names") == 0;
      if (is_names != (pass == 0)) continue;
      const enum status status = read_key(reader, name, node_at(reader, pair->value), line_of_key);
      if (status != STATUS_OK) return status;
    }
  return STATUS_OK;
}

enum status task_read_yaml(struct task *task, const char *path, const struct description *description,
                           struct error *error) {
  struct reader reader = {.task = task, .description = description, .path = path, .error = error};
  yaml_parser_t parser;
  FILE *file = file_read_plain(path, error);
  if (!file) return STATUS_IO;
  enum status status;
  if (!yaml_parser_initialize(&parser)) {
    fclose(file);
    return error_set(error, STATUS_MEMORY, "%s: not enough memory to read it", path);
  }
  yaml_parser_set_input_file(&parser, file);
  if (yaml_parser_load(&parser, &reader.document)) {
    status = read_document(&reader);
    yaml_document_delete(&reader.document);
  } else {
    status = error_set(error, STATUS_USAGE, "%s:%zu: this is not YAML: %s", path, parser.problem_mark.line + 1,
                       parser.problem ? parser.problem : "it cannot be read");
  }
  yaml_parser_delete(&parser);
  fclose(file);
  return status;
}

#include "learner/run/tensorboard.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/options.h"
#include "learner/job/metrics.h"
#include "learner/run/event_file.h"
#include "learner/run/tensorboard.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  MAX_COLUMNS = 64 + 4 * CONFIG_MAX_CASES,
  DT_STRING = 7,
  CONFIG_YAML = 16384 + 2 * CONFIG_CASES,
  MAX_OPTIONS = 128
};

struct tensorboard {
  char directory[FILE_PATH], header[METRICS_HEADER], yaml[CONFIG_YAML];
  struct config config;
  uint64_t last_steps;
  struct event_file *file; // NULL: not yet
  struct buffer bytes;
  bool failed; // a failure was reported
};

struct tensorboard *tensorboard_create(const char *directory, const struct config *config, const char *header,
                                       uint64_t last_steps, struct error *error) {
  struct tensorboard *tensorboard = memory_alloc(1, sizeof *tensorboard, "TensorBoard's events", error);
  if (!tensorboard) return NULL;
  snprintf(tensorboard->directory, sizeof tensorboard->directory, "%s", directory);
  snprintf(tensorboard->header, sizeof tensorboard->header, "%s", header);
  tensorboard->config = *config;
  tensorboard->last_steps = last_steps;
  return tensorboard;
}

void tensorboard_destroy(struct tensorboard *tensorboard) {
  if (!tensorboard) return;
  event_file_close(tensorboard->file);
  buffer_release(&tensorboard->bytes);
  memory_free(tensorboard);
}

void tensorboard_tag(const char *column, char tag[TENSORBOARD_TAG]) {
  static const struct {
    const char *begin, *group; // the group of columns whose names begin so
  } groups[] = {
      {"return_", "return"},       {"eval_", "return"},       {"episode_", "return"}, {"critic_loss", "update"},
      {"policy_loss", "update"},   {"alpha", "update"},       {"entropy", "update"},  {"q_mean", "update"},
      {"utd", "update"},           {"policy_", "policy"},     {"learner_", "time"},   {"actor_wait", "time"},
      {"env_steps_per_s", "time"}, {"updates_per_s", "time"}, {"info_", "info"},      {"case_", "case"}};
  const char *group = "job";
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
    if (strncmp(column, groups[i].begin, strlen(groups[i].begin)) == 0) {
      group = groups[i].group;
      break;
    }
  snprintf(tag, TENSORBOARD_TAG, "%s/%s", group, column);
}

// --- events ---

static double wall_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum status append(struct tensorboard *tensorboard, const Tb__Event *event, struct error *error) {
  const size_t size = tb__event__get_packed_size(event);
  const enum status status = buffer_reserve(&tensorboard->bytes, size, error);
  if (status != STATUS_OK) return status;
  tb__event__pack(event, tensorboard->bytes.data);
  return event_file_append(tensorboard->file, tensorboard->bytes.data, size, error);
}

static Tb__Event event_at(uint64_t step) {
  Tb__Event event = TB__EVENT__INIT;
  event.wall_time = wall_time();
  event.step = (int64_t)step;
  return event;
}

static enum status append_values(struct tensorboard *tensorboard, uint64_t step, Tb__Summary__Value **values,
                                 size_t count, struct error *error) {
  Tb__Summary summary = TB__SUMMARY__INIT;
  Tb__Event event = event_at(step);
  summary.n_value = count;
  summary.value = values;
  event.what_case = TB__EVENT__WHAT_SUMMARY;
  event.summary = &summary;
  return append(tensorboard, &event, error);
}

// Appends a value that belongs to a plugin of TensorBoard's. tensor may be NULL.
static enum status append_plugin(struct tensorboard *tensorboard, const char *tag, const char *plugin,
                                 ProtobufCBinaryData content, Tb__Tensor *tensor, struct error *error) {
  Tb__SummaryMetadata__PluginData data = TB__SUMMARY_METADATA__PLUGIN_DATA__INIT;
  Tb__SummaryMetadata metadata = TB__SUMMARY_METADATA__INIT;
  Tb__Summary__Value value = TB__SUMMARY__VALUE__INIT, *values[] = {&value};
  data.plugin_name = (char *)(uintptr_t)plugin;
  data.content = content;
  metadata.plugin_data = &data;
  metadata.data_class = TB__SUMMARY_METADATA__DATA_CLASS__DATA_CLASS_TENSOR;
  value.tag = (char *)(uintptr_t)tag;
  value.metadata = &metadata;
  if (tensor) {
    value.value_case = TB__SUMMARY__VALUE__VALUE_TENSOR;
    value.tensor = tensor;
  }
  return append_values(tensorboard, 0, values, 1, error);
}

// --- the configuration ---

static enum status append_text(struct tensorboard *tensorboard, const char *tag, char *text, size_t length,
                               struct error *error) {
  Tb__Tensor tensor = TB__TENSOR__INIT;
  Tb__Tensor__Shape shape = TB__TENSOR__SHAPE__INIT;
  ProtobufCBinaryData value = {length, (uint8_t *)text}, none = {0, NULL};
  tensor.dtype = DT_STRING;
  tensor.tensor_shape = &shape;
  tensor.n_string_val = 1;
  tensor.string_val = &value;
  return append_plugin(tensorboard, tag, "text", none, &tensor, error);
}

// Appends the YAML as Markdown: every line is indented by four.
static enum status append_config(struct tensorboard *tensorboard, struct error *error) {
  char *yaml = tensorboard->yaml, *markdown = memory_alloc(2, CONFIG_YAML, "the configuration's text", error);
  if (!markdown) return STATUS_MEMORY;
  size_t used = 0;
  options_format_yaml(&tensorboard->config, yaml, CONFIG_YAML);
  for (const char *line = yaml; *line && used + 8 < 2 * CONFIG_YAML;) {
    const size_t length = strcspn(line, "\n");
    used += (size_t)snprintf(markdown + used, 2 * CONFIG_YAML - used, "    %.*s\n", (int)length, line);
    line += length + (line[length] == '\n');
  }
  const enum status status = append_text(tensorboard, "config/text_summary", markdown, used, error);
  memory_free(markdown);
  return status;
}

static enum status append_hparams(struct tensorboard *tensorboard, const char *tag, const Tb__HParams *hparams,
                                  struct error *error) {
  const size_t size = tb__hparams__get_packed_size(hparams);
  uint8_t *bytes = memory_alloc(size, 1, "the hyper-parameters", error);
  if (!bytes) return STATUS_MEMORY;
  tb__hparams__pack(hparams, bytes);
  const enum status status =
      append_plugin(tensorboard, tag, "hparams", (ProtobufCBinaryData){size, bytes}, NULL, error);
  memory_free(bytes);
  return status;
}

// Returns the value of one option. answer: CONFIG_TEXT bytes that hold its text.
static Tb__Value option_value(const struct option *option, const struct config *config, char *answer) {
  Tb__Value value = TB__VALUE__INIT;
  char *end;
  option_get(option, config, answer, CONFIG_TEXT);
  const double number = strtod(answer, &end);
  if (option->type == OPTION_BOOL) {
    value.kind_case = TB__VALUE__KIND_BOOL_VALUE;
    value.bool_value = strcmp(answer, "true") == 0;
  } else if ((option->type == OPTION_COUNT || option->type == OPTION_NUMBER) && end != answer && !*end) {
    value.kind_case = TB__VALUE__KIND_NUMBER_VALUE;
    value.number_value = number;
  } else {
    value.kind_case = TB__VALUE__KIND_STRING_VALUE;
    value.string_value = answer;
  }
  return value;
}

// Appends the options of the job, without those of a single start and without lines, which the configuration's text
// has.
static enum status append_session_start(struct tensorboard *tensorboard, struct error *error) {
  static const Tb__SessionStart__Entry no_entry = TB__SESSION_START__ENTRY__INIT;
  Tb__SessionStart__Entry entry[MAX_OPTIONS], *entries[MAX_OPTIONS];
  Tb__Value value[MAX_OPTIONS];
  char *text = memory_alloc(MAX_OPTIONS, CONFIG_TEXT, "the hyper-parameters", error);
  if (!text) return STATUS_MEMORY;
  size_t count = 0;
  for (size_t i = 0; i < options_count() && count < MAX_OPTIONS; i++) {
    const struct option *option = options_at(i);
    if (option->rule == OPTION_INVOCATION || option->type == OPTION_LINES) continue;
    value[count] = option_value(option, &tensorboard->config, text + count * CONFIG_TEXT);
    entry[count] = no_entry;
    entry[count].key = (char *)(uintptr_t)option->name;
    entry[count].value = &value[count];
    entries[count] = &entry[count];
    count++;
  }
  Tb__SessionStart start = TB__SESSION_START__INIT;
  Tb__HParams hparams = TB__HPARAMS__INIT;
  start.n_hparams = count;
  start.hparams = entries;
  start.start_time_secs = wall_time();
  hparams.data_case = TB__HPARAMS__DATA_SESSION_START_INFO;
  hparams.session_start_info = &start;
  const enum status status = append_hparams(tensorboard, "_hparams_/session_start_info", &hparams, error);
  memory_free(text);
  return status;
}

// --- the file ---

static enum status begin(struct tensorboard *tensorboard, struct error *error) {
  tensorboard->file = event_file_create(tensorboard->directory, error);
  if (!tensorboard->file) return error->status;
  Tb__Event version = event_at(0), restart = event_at(tensorboard->last_steps + 1);
  Tb__SessionLog session = TB__SESSION_LOG__INIT;
  version.what_case = TB__EVENT__WHAT_FILE_VERSION;
  version.file_version = (char *)(uintptr_t) "brain.Event:2";
  session.status = TB__SESSION_LOG__SESSION_STATUS__START;
  restart.what_case = TB__EVENT__WHAT_SESSION_LOG;
  restart.session_log = &session;
  enum status status = append(tensorboard, &version, error);
  if (status == STATUS_OK) status = append(tensorboard, &restart, error);
  if (status == STATUS_OK) status = append_session_start(tensorboard, error);
  return status == STATUS_OK ? append_config(tensorboard, error) : status;
}

static void say_failure(struct tensorboard *tensorboard, const struct error *error) {
  if (!tensorboard->failed) log_warn("TensorBoard's events are not whole, training goes on: %s", error->text);
  tensorboard->failed = true;
}

// Appends a row: a scalar for each cell that has a number, under the tag of its column.
static enum status append_row(struct tensorboard *tensorboard, const char *line, struct error *error) {
  static const Tb__Summary__Value no_value = TB__SUMMARY__VALUE__INIT;
  Tb__Summary__Value value[MAX_COLUMNS], *values[MAX_COLUMNS];
  char tag[MAX_COLUMNS][TENSORBOARD_TAG];
  size_t count = 0;
  uint64_t steps = 0;
  for (const char *name = tensorboard->header; *name && count < MAX_COLUMNS;) {
    char column[TENSORBOARD_TAG / 2], *end;
    const size_t length = strcspn(name, ","), cell = strcspn(line, ",");
    const double number = strtod(line, &end);
    snprintf(column, sizeof column, "%.*s", (int)length, name);
    if (strcmp(column, "env_steps") == 0) {
      steps = strtoull(line, NULL, 10);
    } else if (cell > 0 && end == line + cell) {
      tensorboard_tag(column, tag[count]);
      value[count] = no_value;
      value[count].tag = tag[count];
      value[count].value_case = TB__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
      value[count].simple_value = (float)number;
      values[count] = &value[count];
      count++;
    }
    name += length + (name[length] == ',');
    line += cell + (line[cell] == ',');
  }
  return append_values(tensorboard, steps, values, count, error);
}

void tensorboard_row(struct tensorboard *tensorboard, const char *line) {
  struct error error = {0};
  if (!tensorboard) return;
  enum status status = tensorboard->file ? STATUS_OK : begin(tensorboard, &error);
  if (status == STATUS_OK || tensorboard->file) status = append_row(tensorboard, line, &error);
  if (error.status != STATUS_OK || status != STATUS_OK) say_failure(tensorboard, &error);
}

void tensorboard_end(struct tensorboard *tensorboard, int exit_code) {
  struct error error = {0};
  if (!tensorboard || !tensorboard->file || exit_code == EXIT_STOPPED) return;
  Tb__SessionEnd end = TB__SESSION_END__INIT;
  Tb__HParams hparams = TB__HPARAMS__INIT;
  end.status =
      exit_code == EXIT_DONE ? TB__SESSION_END__STATUS__STATUS_SUCCESS : TB__SESSION_END__STATUS__STATUS_FAILURE;
  end.end_time_secs = wall_time();
  hparams.data_case = TB__HPARAMS__DATA_SESSION_END_INFO;
  hparams.session_end_info = &end;
  if (append_hparams(tensorboard, "_hparams_/session_end_info", &hparams, &error) != STATUS_OK)
    say_failure(tensorboard, &error);
}

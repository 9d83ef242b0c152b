#include "common/base/log.h"
#include "common/config/options.h"
#include "learner/run/event_file.h"
#include "learner/run/tensorboard.h"
#include "learner/run/tensorboard.pb-c.h"
#include "tests/support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER "time_s,env_steps,return_mean,alpha,info_drag"

enum { MAX_EVENTS = 32 };
struct events {
  size_t count;
  Tb__Event *event[MAX_EVENTS];
};

static uint64_t length_at(const char *bytes) {
  uint64_t value = 0;
  for (int i = 8; i-- > 0;) value = value << 8 | (uint8_t)bytes[i];
  return value;
}

// All events of the directory's files, in the files' order.
static struct events read_events(const char *directory) {
  struct events events = {0};
  struct dirent **names;
  const int files = scandir(directory, &names, NULL, alphasort);
  for (int i = 0; i < files; i++) {
    size_t size = 0;
    char *path = unit_path(directory, names[i]->d_name), *bytes = NULL;
    if (strstr(names[i]->d_name, "tfevents")) bytes = unit_read_file(path, &size);
    for (size_t at = 0; at + EVENT_FILE_HEAD <= size && events.count < MAX_EVENTS;) {
      const size_t length = length_at(bytes + at);
      if (length > size - at - EVENT_FILE_HEAD) break;
      Tb__Event *event = tb__event__unpack(NULL, length, (uint8_t *)bytes + at + EVENT_FILE_HEAD);
      CU_ASSERT_PTR_NOT_NULL_FATAL(event);
      events.event[events.count++] = event;
      at += EVENT_FILE_HEAD + length + EVENT_FILE_TAIL;
    }
    free(bytes), free(path), free(names[i]);
  }
  free(names);
  return events;
}

static void release(struct events *events) {
  for (size_t i = 0; i < events->count; i++) tb__event__free_unpacked(events->event[i], NULL);
}

static struct tensorboard *create(const char *directory, uint64_t last_steps) {
  struct config config;
  options_defaults(&config);
  snprintf(config.env, sizeof config.env, "Pendulum-v1");
  struct tensorboard *tensorboard = tensorboard_create(directory, &config, HEADER, last_steps, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(tensorboard);
  return tensorboard;
}

static const Tb__Summary__Value *value_at(const Tb__Event *event, size_t i) {
  CU_ASSERT_EQUAL_FATAL(event->what_case, TB__EVENT__WHAT_SUMMARY);
  CU_ASSERT_TRUE_FATAL(i < event->summary->n_value);
  return event->summary->value[i];
}

static void test_rows(void) {
  char *directory = unit_tmpdir();
  struct tensorboard *tensorboard = create(directory, 0);
  struct events events = read_events(directory);
  CU_ASSERT_EQUAL(events.count, 0); // no row, no file
  tensorboard_row(tensorboard, "1.5,100,-77.25,0.5,");
  tensorboard_row(tensorboard, "2.5,200,,0.25,8e3");
  tensorboard_destroy(tensorboard);
  events = read_events(directory);
  CU_ASSERT_EQUAL_FATAL(events.count, 6); // version, restart, hyper-parameters, text, two rows
  CU_ASSERT_STRING_EQUAL(events.event[0]->file_version, "brain.Event:2");
  const Tb__Event *one = events.event[4], *two = events.event[5];
  CU_ASSERT_EQUAL(one->step, 100);
  CU_ASSERT_EQUAL(two->step, 200);
  CU_ASSERT_TRUE(one->wall_time > 1.7e9);
  CU_ASSERT_TRUE(two->wall_time >= one->wall_time);
  CU_ASSERT_EQUAL(one->summary->n_value, 3); // an empty cell is no number
  CU_ASSERT_STRING_EQUAL(value_at(one, 1)->tag, "return/return_mean");
  CU_ASSERT_EQUAL(value_at(one, 1)->simple_value, -77.25f);
  CU_ASSERT_STRING_EQUAL(value_at(two, 1)->tag, "update/alpha");
  CU_ASSERT_STRING_EQUAL(value_at(two, 2)->tag, "info/info_drag");
  CU_ASSERT_EQUAL(value_at(two, 2)->simple_value, 8000);
  release(&events);
  unit_tmpdir_remove(directory);
}

static const Tb__Value *hparam(const Tb__SessionStart *start, const char *key) {
  for (size_t i = 0; i < start->n_hparams; i++)
    if (strcmp(start->hparams[i]->key, key) == 0) return start->hparams[i]->value;
  return NULL;
}

static void test_config(void) {
  char *directory = unit_tmpdir();
  struct tensorboard *tensorboard = create(directory, 0);
  tensorboard_row(tensorboard, "1,2,3,4,5");
  tensorboard_end(tensorboard, EXIT_DONE);
  tensorboard_destroy(tensorboard);
  struct events events = read_events(directory);
  CU_ASSERT_EQUAL_FATAL(events.count, 6);
  const Tb__Summary__Value *value = value_at(events.event[2], 0);
  CU_ASSERT_STRING_EQUAL(value->tag, "_hparams_/session_start_info");
  CU_ASSERT_STRING_EQUAL(value->metadata->plugin_data->plugin_name, "hparams");
  const ProtobufCBinaryData content = value->metadata->plugin_data->content;
  Tb__HParams *hparams = tb__hparams__unpack(NULL, content.len, content.data);
  CU_ASSERT_PTR_NOT_NULL_FATAL(hparams);
  const Tb__SessionStart *start = hparams->session_start_info;
  CU_ASSERT_EQUAL(hparam(start, "batch_size")->number_value, 256);
  CU_ASSERT_STRING_EQUAL(hparam(start, "env")->string_value, "Pendulum-v1");
  CU_ASSERT_STRING_EQUAL(hparam(start, "hidden")->string_value, "256,256");
  CU_ASSERT_STRING_EQUAL(hparam(start, "alpha")->string_value, "auto");
  CU_ASSERT_EQUAL(hparam(start, "sync")->kind_case, TB__VALUE__KIND_BOOL_VALUE);
  CU_ASSERT_PTR_NULL(hparam(start, "run_dir")); // of one start
  tb__hparams__free_unpacked(hparams, NULL);
  value = value_at(events.event[3], 0);
  CU_ASSERT_EQUAL(value->tensor->n_string_val, 1);
  CU_ASSERT(memcmp(value->tensor->string_val[0].data, "    # job\n    env: \"Pendulum-v1\"\n", 33) == 0);
  CU_ASSERT_STRING_EQUAL(value_at(events.event[5], 0)->tag, "_hparams_/session_end_info");
  release(&events);
  unit_tmpdir_remove(directory);
}

// The second file says from which step on the first one counts no more.
static void test_resume(void) {
  char *directory = unit_tmpdir();
  struct tensorboard *tensorboard = create(directory, 0);
  tensorboard_row(tensorboard, "1,100,3,4,5");
  tensorboard_end(tensorboard, EXIT_STOPPED); // a stopped run has not ended
  tensorboard_destroy(tensorboard);
  tensorboard = create(directory, 100);
  tensorboard_row(tensorboard, "2,200,3,4,5");
  tensorboard_destroy(tensorboard);
  struct events events = read_events(directory);
  CU_ASSERT_EQUAL_FATAL(events.count, 10);
  CU_ASSERT_STRING_EQUAL(events.event[5]->file_version, "brain.Event:2");
  CU_ASSERT_EQUAL_FATAL(events.event[6]->what_case, TB__EVENT__WHAT_SESSION_LOG);
  CU_ASSERT_EQUAL(events.event[6]->session_log->status, TB__SESSION_LOG__SESSION_STATUS__START);
  CU_ASSERT_EQUAL(events.event[6]->step, 101);
  release(&events);
  unit_tmpdir_remove(directory);
}

static void test_failure(void) {
  char *directory = unit_tmpdir(), *log = unit_path(directory, "log.txt"), *gone = unit_path(directory, "gone");
  CU_ASSERT_EQUAL(log_open_file(log, NULL), STATUS_OK);
  struct tensorboard *tensorboard = create(gone, 0);
  for (int i = 0; i < 3; i++) tensorboard_row(tensorboard, "1,100,3,4,5");
  log_flush();
  char *text = unit_read_file(log, NULL);
  const char *first = strstr(text, "TensorBoard's events are not whole, training goes on: ");
  CU_ASSERT_PTR_NOT_NULL_FATAL(first);
  CU_ASSERT_PTR_NULL(strstr(first + 1, "TensorBoard's events"));
  free(text);
  CU_ASSERT_EQUAL(mkdir(gone, 0700), 0); // the disk is there again
  tensorboard_row(tensorboard, "2,200,3,4,5");
  struct events events = read_events(gone);
  CU_ASSERT_EQUAL(events.count, 5);
  CU_ASSERT_EQUAL(events.event[4]->step, 200);
  release(&events);
  tensorboard_destroy(tensorboard);
  tensorboard_row(NULL, "1,2,3,4,5");
  tensorboard_end(NULL, EXIT_DONE);
  log_close();
  free(log), free(gone);
  unit_tmpdir_remove(directory);
}

static void test_tags(void) {
  static const char *const pairs[][2] = {
      {"return_mean", "return/return_mean"}, {"eval_return_mean", "return/eval_return_mean"},
      {"policy_loss", "update/policy_loss"}, {"policy_lag_mean", "policy/policy_lag_mean"},
      {"learner_wait", "time/learner_wait"}, {"episodes", "job/episodes"},
      {"info_alpha", "info/info_alpha"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char tag[TENSORBOARD_TAG];
    tensorboard_tag(pairs[i][0], tag);
    CU_ASSERT_STRING_EQUAL(tag, pairs[i][1]);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"every number of a row is a scalar at its step", test_rows},
      {"the configuration is written as hyper-parameters and as text", test_config},
      {"a resumed run's file revokes what came after its checkpoint", test_resume},
      {"a failed write is reported once, and later rows are written", test_failure},
      {"each column has a tag with its group", test_tags},
  };
  return unit_run("tensorboard", cases, sizeof cases / sizeof *cases);
}

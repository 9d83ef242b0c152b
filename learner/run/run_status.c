#include "learner/run/run_status.h"

#include "common/base/file.h"
#include "common/base/process.h"
#include "common/base/clock.h"
#include "common/base/printable.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double FRESH_SECONDS = 60; // a run refreshes its status every few seconds

const char *run_state_name(enum run_state state) {
  static const char *const names[] = {"unknown", "running", "silent", "died", "done", "stopped", "failed"};
  return names[state];
}

static void take_text(const json_t *object, const char *key, char *text, size_t size) {
  const char *value = json_string_value(json_object_get(object, key));
  printable_copy(text, size, value ? value : "");
}

static uint64_t take_count(const json_t *object, const char *key) {
  const json_int_t value = json_integer_value(json_object_get(object, key));
  return value > 0 ? (uint64_t)value : 0;
}

// Only a plain file is opened: a pipe in its place must not be waited for.
static json_t *load(const char *path) {
  struct stat info;
  const int descriptor = file_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (descriptor < 0) return NULL;
  json_t *root = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) ? json_loadfd(descriptor, 0, NULL) : NULL;
  close(descriptor);
  return root;
}

// Seconds since "2026-01-31T12:00:00+0100"; below 0: it is no such time. A clock that is a little ahead is no matter.
static double age_of(const char *when) {
  struct tm parts = {0};
  const char *end = strptime(when, "%Y-%m-%dT%H:%M:%S%z", &parts);
  if (!end || *end) return -1;
  const long east = parts.tm_gmtoff; // which timegm sets to 0
  const double age = difftime(time(NULL), timegm(&parts) - east);
  return age > 0 ? age : 0;
}

static void take(const json_t *root, struct run_word *word) {
  const json_t *dropped = json_object_get(root, "dropped"), *failures = json_object_get(root, "failures"),
               *code = json_object_get(root, "exit_code");
  take_text(root, "reason", word->reason, sizeof word->reason);
  take_text(root, "host", word->host, sizeof word->host);
  take_text(root, "updated", word->updated, sizeof word->updated);
  take_text(root, "checkpoint", word->checkpoint, sizeof word->checkpoint);
  take_text(root, "boot", word->boot, sizeof word->boot);
  word->pid = take_count(root, "pid");
  word->pid_namespace = take_count(root, "pid_namespace");
  word->process_start = take_count(root, "process_start");
  word->env_steps = take_count(root, "env_steps");
  word->updates = take_count(root, "updates");
  word->actors_lost = take_count(root, "actors_lost");
  word->surplus = take_count(dropped, "surplus");
  word->unsent = take_count(dropped, "unsent");
  word->lost_at_most = take_count(dropped, "lost_at_most");
  take_text(failures, "cause", word->failures.cause, sizeof word->failures.cause);
  word->failures.count = (uint32_t)take_count(failures, "count");
  word->failures.at_steps = take_count(failures, "at_steps");
  word->failures.at_updates = take_count(failures, "at_updates");
  if (json_is_integer(code)) word->exit_code = (int)json_integer_value(code);
  word->age = age_of(word->updated);
}

// Of a run that says it is running.
static enum run_state judge(const struct run_word *word) {
  char host[256] = "", boot[BOOT_TEXT];
  (void)gethostname(host, sizeof host - 1);
  process_boot(boot);
  const bool here = strcmp(word->host, host) == 0, booted_since = word->boot[0] && boot[0] && strcmp(word->boot, boot);
  const bool visible = here && !booted_since && word->pid > 0 && word->pid <= INT32_MAX &&
                       (word->pid_namespace == 0 || word->pid_namespace == process_namespace());
  if (here && booted_since) return RUN_DIED;
  if (visible) {
    const uint64_t start = process_start((uint32_t)word->pid);
    if (process_has_ended((uint32_t)word->pid)) return RUN_DIED;
    if (start > 0 && word->process_start > 0) return start == word->process_start ? RUN_RUNNING : RUN_DIED;
  }
  return word->age >= 0 && word->age <= FRESH_SECONDS ? RUN_RUNNING : RUN_SILENT;
}

void run_word_read(const char *directory, struct run_word *word) {
  char path[FILE_PATH], state[32];
  struct error error = {0};
  *word = (struct run_word){.exit_code = -1, .age = -1};
  json_t *root = file_join(path, directory, "status.json", &error) == STATUS_OK ? load(path) : NULL;
  if (!root) return;
  take(root, word);
  take_text(root, "state", state, sizeof state);
  word->says_running = strcmp(state, "running") == 0;
  for (enum run_state known = RUN_DONE; known <= RUN_FAILED; known++)
    if (strcmp(state, run_state_name(known)) == 0) word->state = known;
  if (word->says_running) word->state = judge(word);
  json_decref(root);
}

void run_word_format(const struct run_word *word, char *text, size_t size) {
  char ago[32] = "?";
  if (word->age >= 0) clock_format_duration(word->age, ago, sizeof ago);
  const unsigned long long pid = (unsigned long long)word->pid, steps = (unsigned long long)word->env_steps;
  switch (word->state) {
  case RUN_UNKNOWN: snprintf(text, size, "unknown: there is no status.json that can be read"); break;
  case RUN_RUNNING:
    snprintf(text, size, "running: process %llu on %s, %llu steps, heard of %s ago", pid, word->host, steps, ago);
    break;
  case RUN_SILENT:
    snprintf(text, size,
             "silent: process %llu on %s said that it runs, and was not heard of for %s; whether it lives can be seen "
             "on that host only",
             pid, word->host, ago);
    break;
  case RUN_DIED:
    snprintf(text, size,
             "died: process %llu on %s is gone without a word (killed, crashed, or its host went down); heard of last "
             "at %llu steps, %s ago; --resume goes on from the newest checkpoint",
             pid, word->host, steps, ago);
    break;
  default:
    snprintf(text, size, "%s, exit status %d, %s ago%s%s", run_state_name(word->state), word->exit_code, ago,
             word->reason[0] ? ": " : "", word->reason);
  }
}

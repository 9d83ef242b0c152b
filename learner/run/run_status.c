#include "learner/run/run_status.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/plural.h"
#include "common/base/printable.h"
#include "common/base/process.h"
#include "learner/storage/atomic_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double FRESH_SECONDS = 60; // a living run refreshes its status every few seconds

// --- writing ---

// A full disk has no room for a second file: the new text then goes over the old one, which is about as long.
static enum status overwrite(const char *path, const char *text, size_t size, struct error *error) {
  struct stat info;
  const int descriptor = file_open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
  if (descriptor < 0) return error->status;
  const bool done = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) &&
                    pwrite(descriptor, text, size, 0) == (ssize_t)size && ftruncate(descriptor, (off_t)size) == 0;
  if (close(descriptor) == 0 && done) error_clear(error);
  return error->status;
}

// Adds what tells this process from every other one, and how often starts have failed.
static void add_identity(json_t *object, const struct run_failures *failures) {
  char boot[BOOT_TEXT];
  process_boot(boot);
  json_object_set_new(object, "boot", json_text(boot));
  json_object_set_new(object, "pid_namespace", json_count(process_namespace()));
  json_object_set_new(object, "process_start", json_count(process_start((uint32_t)getpid())));
  json_object_set_new(object, "failures",
                      json_pack("{s:i, s:o, s:o, s:o}", "count", (int)failures->count, "cause",
                                json_text(failures->cause), "at_steps", json_count(failures->at_steps), "at_updates",
                                json_count(failures->at_updates)));
}

static void add_wait(json_t *object, const struct run_status *status) {
  json_t *wait = status->wait.call
                     ? json_pack("{s:s, s:o, s:b, s:i, s:f}", "call", status->wait.call, "environment",
                                 json_count(status->wait.environment), "evaluation", status->wait.evaluation, "rank",
                                 status->wait.rank, "seconds", status->wait.seconds)
                     : json_null();
  json_object_set_new(object, "waits_for", wait);
}

static char *format_status(const struct run_status *status, const struct run_failures *failures, const char *host) {
  char updated[64];
  clock_format(updated, sizeof updated);
  json_t *code = status->exit_code < 0 ? json_null() : json_integer(status->exit_code);
  json_t *object =
      json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:{s:o, s:o, s:o}, s:o, s:i, s:s}", "state", status->state,
                "exit_code", code, "reason", json_text(status->reason), "env_steps", json_count(status->env_steps),
                "updates", json_count(status->updates), "checkpoint", json_text(status->checkpoint), "actors_lost",
                (int)status->actors_lost, "eval_cut", (int)status->eval_cut, "dropped", "surplus",
                json_count(status->surplus), "unsent", json_count(status->unsent), "lost_at_most",
                json_count(status->lost_at_most), "host", json_text(host), "pid", (int)getpid(), "updated", updated);
  if (object) add_wait(object, status);
  if (object) add_identity(object, failures);
  char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
  json_decref(object);
  return text;
}

enum status run_status_write(const char *path, const struct run_status *status, const struct run_failures *failures,
                             const char *host, struct error *error) {
  char *text = format_status(status, failures, host);
  if (!text) return error_set(error, STATUS_MEMORY, "%s: no memory to write it", path);
  const size_t length = strlen(text);
  text[length] = '\n'; // in the place of its terminator

  // A running job writes again soon: training does not wait for a disk that is busy with a checkpoint.
  const bool durable = status->exit_code >= 0;
  enum status written = atomic_file_write(path, text, length + 1, durable, error);
  if (written == STATUS_IO) written = overwrite(path, text, length + 1, error);
  free(text);
  return written;
}

// --- reading ---

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

static json_t *load(const char *path) {
  const int descriptor = file_open_plain(path, O_RDONLY, NULL);
  if (descriptor < 0) return NULL;
  json_t *root = json_loadfd(descriptor, 0, NULL);
  close(descriptor);
  return root;
}

// Seconds since "2026-01-31T12:00:00+0100"; negative where the text is no such time. A time in the future is 0 s ago:
// the clocks of two hosts differ a little.
static double age_of(const char *when) {
  struct tm parts = {0};
  const char *end = strptime(when, "%Y-%m-%dT%H:%M:%S%z", &parts);
  if (!end || *end) return -1;
  const long east = parts.tm_gmtoff; // timegm sets it to 0
  const double age = difftime(time(NULL), timegm(&parts) - east);
  return age > 0 ? age : 0;
}

static void take(const json_t *root, struct run_last_status *last) {
  const json_t *dropped = json_object_get(root, "dropped"), *failures = json_object_get(root, "failures"),
               *code = json_object_get(root, "exit_code");
  take_text(root, "reason", last->reason, sizeof last->reason);
  take_text(root, "host", last->host, sizeof last->host);
  take_text(root, "updated", last->updated, sizeof last->updated);
  take_text(root, "checkpoint", last->checkpoint, sizeof last->checkpoint);
  take_text(root, "boot", last->boot, sizeof last->boot);
  last->pid = take_count(root, "pid");
  last->pid_namespace = take_count(root, "pid_namespace");
  last->process_start = take_count(root, "process_start");
  last->env_steps = take_count(root, "env_steps");
  last->updates = take_count(root, "updates");
  last->actors_lost = take_count(root, "actors_lost");
  last->surplus = take_count(dropped, "surplus");
  last->unsent = take_count(dropped, "unsent");
  last->lost_at_most = take_count(dropped, "lost_at_most");
  take_text(failures, "cause", last->failures.cause, sizeof last->failures.cause);
  last->failures.count = (uint32_t)take_count(failures, "count");
  last->failures.at_steps = take_count(failures, "at_steps");
  last->failures.at_updates = take_count(failures, "at_updates");
  if (json_is_integer(code)) last->exit_code = (int)json_integer_value(code);
  last->age = age_of(last->updated);
}

// The state of a run whose file says running.
static enum run_state judge(const struct run_last_status *last) {
  char host[256] = "", boot[BOOT_TEXT];
  (void)gethostname(host, sizeof host - 1);
  process_boot(boot);
  const bool here = strcmp(last->host, host) == 0, booted_since = last->boot[0] && boot[0] && strcmp(last->boot, boot);
  const bool visible = here && !booted_since && last->pid > 0 && last->pid <= INT32_MAX &&
                       (last->pid_namespace == 0 || last->pid_namespace == process_namespace());
  if (here && booted_since) return RUN_DIED;
  if (visible) {
    const uint64_t start = process_start((uint32_t)last->pid);
    if (process_has_ended((uint32_t)last->pid)) return RUN_DIED;
    if (start > 0 && last->process_start > 0) return start == last->process_start ? RUN_RUNNING : RUN_DIED;
  }
  return last->age >= 0 && last->age <= FRESH_SECONDS ? RUN_RUNNING : RUN_SILENT;
}

void run_last_status_read(const char *directory, struct run_last_status *last) {
  char path[FILE_PATH], state[32];
  struct error error = {0};
  *last = (struct run_last_status){.exit_code = -1, .age = -1};
  json_t *root = file_join(path, directory, "status.json", &error) == STATUS_OK ? load(path) : NULL;
  if (!root) return;
  take(root, last);
  take_text(root, "state", state, sizeof state);
  last->says_running = strcmp(state, "running") == 0;
  for (enum run_state known = RUN_DONE; known <= RUN_FAILED; known++)
    if (strcmp(state, run_state_name(known)) == 0) last->state = known;
  if (last->says_running) last->state = judge(last);
  json_decref(root);
}

void run_last_status_format(const struct run_last_status *last, char *text, size_t size) {
  char age[32] = "?";
  if (last->age >= 0) clock_format_duration(last->age, age, sizeof age);
  const unsigned long long pid = (unsigned long long)last->pid, steps = (unsigned long long)last->env_steps;
  switch (last->state) {
  case RUN_UNKNOWN: snprintf(text, size, "unknown: there is no status.json that can be read"); break;
  case RUN_RUNNING:
    snprintf(text, size, "running: process %llu on %s, %llu step%s, status written %s ago", pid, last->host, steps,
             plural(steps), age);
    break;
  case RUN_SILENT:
    snprintf(text, size,
             "silent: process %llu on %s said that it runs, but it has written no status for %s; only that host can "
             "tell whether it still lives",
             pid, last->host, age);
    break;
  case RUN_DIED:
    snprintf(text, size,
             "died: process %llu on %s has gone without saying why (killed, crashed, or its host went down); it "
             "wrote its last status at %llu step%s, %s ago; --resume goes on from the newest checkpoint",
             pid, last->host, steps, plural(steps), age);
    break;
  default:
    snprintf(text, size, "%s, exit status %d, %s ago%s%s", run_state_name(last->state), last->exit_code, age,
             last->reason[0] ? ": " : "", last->reason);
  }
}

#include "learner/run/run_status.h"
#include "common/base/clock.h"
#include "common/base/process.h"
#include "tests/support/unit.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *directory; // of this case

static const char *own_host(void) {
  static char host[256];
  gethostname(host, sizeof host - 1);
  return host;
}

static const char *own_boot(void) {
  static char boot[BOOT_TEXT];
  process_boot(boot);
  return boot;
}

static void write_text(const char *text) { unit_write_file(unit_in(directory, "status.json"), text, strlen(text)); }

static struct run_last_status read_last(void) {
  struct run_last_status last;
  run_last_status_read(directory, &last);
  return last;
}

// The state of a run whose file says running. when: "": now.
static enum run_state judged(const char *host, const char *boot, uint64_t names, uint32_t pid, uint64_t start,
                             const char *when) {
  char text[1024], now[64];
  clock_format(now, sizeof now);
  snprintf(text, sizeof text,
           "{\"state\": \"running\", \"exit_code\": null, \"host\": \"%s\", \"boot\": \"%s\", \"pid_namespace\": %llu, "
           "\"pid\": %u, \"process_start\": %llu, \"updated\": \"%s\"}",
           host, boot, (unsigned long long)names, pid, (unsigned long long)start, when[0] ? when : now);
  write_text(text);
  return read_last().state;
}

static void test_running(void) {
  static const char old[] = "2020-01-31T12:00:00+0100";
  const char *host = own_host(), *boot = own_boot();
  const uint64_t names = process_namespace(), start = process_start((uint32_t)getpid());
  const uint32_t self = (uint32_t)getpid();
  CU_ASSERT_TRUE(start > 0);
  CU_ASSERT_TRUE_FATAL(boot[0]);
  CU_ASSERT_TRUE(names > 0);
  CU_ASSERT_EQUAL(judged(host, boot, names, self, start, old), RUN_RUNNING); // it stands still, but it lives
  CU_ASSERT_EQUAL(judged(host, boot, names, self, start + 1, ""), RUN_DIED); // another process has its number
  CU_ASSERT_EQUAL(judged(host, "another", names, self, start, ""), RUN_DIED);
  CU_ASSERT_EQUAL(judged("elsewhere", "another", names, self, start, ""), RUN_RUNNING);
  CU_ASSERT_EQUAL(judged("elsewhere", "another", names, self, start, old), RUN_SILENT);
  CU_ASSERT_EQUAL(judged(host, boot, names + 1, self, start + 1, ""), RUN_RUNNING); // numbers of another container
  CU_ASSERT_EQUAL(judged(host, boot, names + 1, self, start, old), RUN_SILENT);
  CU_ASSERT_EQUAL(judged(host, "", 0, self, 0, ""), RUN_RUNNING); // as a version before wrote it
  CU_ASSERT_EQUAL(judged("elsewhere", "", 0, self, 0, "yesterday"), RUN_SILENT);
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const uint64_t born = process_start((uint32_t)child);
  CU_ASSERT_EQUAL(judged(host, boot, names, (uint32_t)child, born, ""), RUN_RUNNING);
  kill(child, SIGKILL);
  siginfo_t info;
  CU_ASSERT_EQUAL(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  CU_ASSERT_EQUAL(judged(host, boot, names, (uint32_t)child, born, ""),
                  RUN_DIED); // its parent has not yet waited for it
  waitpid(child, NULL, 0);
  CU_ASSERT_EQUAL(judged(host, boot, names, (uint32_t)child, born, ""), RUN_DIED);
  CU_ASSERT_EQUAL(judged(host, "", 0, (uint32_t)child, 0, ""), RUN_DIED);
}

static bool in_words(const char *what) {
  const struct run_last_status last = read_last();
  char text[2048];
  run_last_status_format(&last, text, sizeof text);
  if (strstr(text, what)) return true;
  fprintf(stderr, "  '%s' does not say '%s'\n", text, what);
  return false;
}

static void test_end(void) {
  write_text(
      "{\"state\": \"stopped\", \"exit_code\": 75, \"reason\": \"signal 10\", \"env_steps\": 7, \"updates\": 3, "
      "\"failures\": {\"count\": 2, \"cause\": \"actors\", \"at_steps\": 7, \"at_updates\": 3}, \"dropped\": "
      "{\"surplus\": 1, \"unsent\": 2, \"lost_at_most\": 3}, \"actors_lost\": 4, \"checkpoint\": \"ckpt-7.h5\"}");
  const struct run_last_status last = read_last();
  CU_ASSERT_EQUAL(last.state, RUN_STOPPED);
  CU_ASSERT_EQUAL(last.exit_code, 75);
  CU_ASSERT_FALSE(last.says_running);
  CU_ASSERT_EQUAL(last.env_steps, 7);
  CU_ASSERT_EQUAL(last.updates, 3);
  CU_ASSERT_EQUAL(last.failures.count, 2);
  CU_ASSERT_EQUAL(last.failures.at_steps, 7);
  CU_ASSERT_EQUAL(last.surplus, 1);
  CU_ASSERT_EQUAL(last.unsent, 2);
  CU_ASSERT_EQUAL(last.lost_at_most, 3);
  CU_ASSERT_EQUAL(last.actors_lost, 4);
  CU_ASSERT_STRING_EQUAL(last.failures.cause, "actors");
  CU_ASSERT_STRING_EQUAL(last.checkpoint, "ckpt-7.h5");
  CU_ASSERT_TRUE(in_words("stopped, exit status 75"));
  CU_ASSERT_TRUE(in_words("signal 10"));
  write_text("{\"state\": \"done\", \"exit_code\": 0, \"reason\": \"\"}");
  CU_ASSERT_EQUAL(read_last().state, RUN_DONE);
  write_text("{\"state\": \"failed\", \"exit_code\": 1, \"reason\": \"x\"}");
  CU_ASSERT_EQUAL(read_last().state, RUN_FAILED);
}

static void test_unreadable(void) {
  CU_ASSERT_EQUAL(read_last().state, RUN_UNKNOWN);
  CU_ASSERT_TRUE(in_words("unknown"));
  write_text("{\"state\": \"resting\"}");
  CU_ASSERT_EQUAL(read_last().state, RUN_UNKNOWN);
  write_text("{\"state\": \"runn");
  CU_ASSERT_EQUAL(read_last().state, RUN_UNKNOWN);
  write_text("{\"state\": \"running\", \"pid\": \"x\", \"host\": 3, \"failures\": []}");
  CU_ASSERT_EQUAL(read_last().state, RUN_SILENT);
  unlink(unit_in(directory, "status.json"));
  CU_ASSERT_EQUAL_FATAL(mkfifo(unit_in(directory, "status.json"), 0600), 0); // reading must not wait for it
  CU_ASSERT_EQUAL(read_last().state, RUN_UNKNOWN);
}

static const struct run_failures two_failures = {2, "actors", 1234, 56};

static json_t *written(const struct run_status *status) {
  struct error error = {0};
  const char *path = unit_in(directory, "status.json");
  UNIT_STATUS(run_status_write(path, status, &two_failures, "node1", &error), STATUS_OK, &error);
  json_t *object = json_load_file(path, 0, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(object);
  return object;
}

static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

static json_int_t count_of(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

static void test_write(void) {
  const struct run_status running = {"running", -1, "", 1234, 56, "ckpt-1000.h5",
                                     11,        12, 13, 14,   15, {"reset", 2, 7, true, 41.5}};
  json_t *object = written(&running);
  const json_t *dropped = json_object_get(object, "dropped"), *failures = json_object_get(object, "failures");
  CU_ASSERT_EQUAL(json_object_size(object), 17);
  CU_ASSERT_STRING_EQUAL(text_of(object, "state"), "running");
  CU_ASSERT_STRING_EQUAL(text_of(object, "checkpoint"), "ckpt-1000.h5");
  CU_ASSERT_STRING_EQUAL(text_of(object, "host"), "node1");
  CU_ASSERT_STRING_EQUAL(text_of(object, "boot"), own_boot());
  CU_ASSERT_TRUE(json_is_null(json_object_get(object, "exit_code")));
  CU_ASSERT_TRUE(json_is_string(json_object_get(object, "updated")));
  CU_ASSERT_EQUAL(count_of(object, "env_steps"), 1234);
  CU_ASSERT_EQUAL(count_of(object, "updates"), 56);
  CU_ASSERT_EQUAL(count_of(object, "pid"), getpid());
  CU_ASSERT_EQUAL(count_of(object, "actors_lost"), 14);
  CU_ASSERT_EQUAL(count_of(object, "eval_cut"), 15);
  CU_ASSERT_EQUAL(count_of(dropped, "surplus"), 11);
  CU_ASSERT_EQUAL(count_of(dropped, "unsent"), 12);
  CU_ASSERT_EQUAL(count_of(dropped, "lost_at_most"), 13);
  const json_t *wait = json_object_get(object, "waits_for");
  CU_ASSERT_STRING_EQUAL(text_of(wait, "call"), "reset");
  CU_ASSERT_EQUAL(count_of(wait, "rank"), 2);
  CU_ASSERT_EQUAL(count_of(wait, "environment"), 7);
  CU_ASSERT_TRUE(json_is_true(json_object_get(wait, "evaluation")));
  CU_ASSERT_EQUAL(json_real_value(json_object_get(wait, "seconds")), 41.5);
  CU_ASSERT_EQUAL(count_of(failures, "count"), 2);
  CU_ASSERT_STRING_EQUAL(text_of(failures, "cause"), "actors");
  json_decref(object);
}

static void test_write_texts(void) {
  const struct run_status failed = {"failed", 1, "\"x.so\": a\\b\xc3\xa4", 1ull << 40, 7, "", 0, 0, 0, 0, 0, {0}};
  const struct run_status unreadable = {"failed", 1,  "bytes \xff\n", 1, 1, "r\xe9sum\xe9/ckpt-1.h5", 0, 0, 0, 0,
                                        0,        {0}};
  json_t *object = written(&failed);
  CU_ASSERT_STRING_EQUAL(text_of(object, "reason"), failed.reason);
  CU_ASSERT_TRUE(json_is_null(json_object_get(object, "waits_for")));
  CU_ASSERT_EQUAL(count_of(object, "exit_code"), 1);
  CU_ASSERT_EQUAL(count_of(object, "env_steps"), 1ll << 40);
  json_decref(object);
  object = written(&unreadable);
  CU_ASSERT_STRING_EQUAL(text_of(object, "state"), "failed");
  CU_ASSERT_STRING_EQUAL(text_of(object, "reason"), "bytes \\xff\\n");
  CU_ASSERT_STRING_EQUAL(text_of(object, "checkpoint"), "r\\xe9sum\\xe9/ckpt-1.h5");
  json_decref(object);
}

static void alone(void (*run)(void)) {
  directory = unit_tmpdir();
  run();
  unit_tmpdir_remove(directory);
}
static void running(void) { alone(test_running); }
static void end(void) { alone(test_end); }
static void unreadable(void) { alone(test_unreadable); }
static void writes(void) { alone(test_write); }
static void writes_texts(void) { alone(test_write_texts); }

int main(void) {
  static const struct unit_case cases[] = {
      {"a run that says it is running is told from one that died", running},
      {"what the file says of the run's end is taken as it stands", end},
      {"a file that is no status is an unknown state", unreadable},
      {"every fact of a run is written under its key", writes},
      {"texts are written so that JSON can be read, whatever bytes they hold", writes_texts},
  };
  return unit_run("run_status", cases, sizeof cases / sizeof *cases);
}

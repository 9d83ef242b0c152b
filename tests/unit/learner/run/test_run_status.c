#include "learner/run/run_status.h"
#include "common/base/process.h"
#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *directory;

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

static void write_text(const char *text) {
  char *path = unit_path(directory, "status.json");
  unit_write_file(path, text, strlen(text));
  free(path);
}

static struct run_word read_word(void) {
  struct run_word word;
  run_word_read(directory, &word);
  return word;
}

// What a run says while it runs. when: "": now.
static enum run_state judged(const char *host, const char *boot, uint64_t names, uint32_t pid, uint64_t start,
                             const char *when) {
  char text[1024], now[64];
  clock_format(now, sizeof now);
  snprintf(text, sizeof text,
           "{\"state\": \"running\", \"exit_code\": null, \"host\": \"%s\", \"boot\": \"%s\", \"pid_namespace\": %llu, "
           "\"pid\": %u, \"process_start\": %llu, \"updated\": \"%s\"}",
           host, boot, (unsigned long long)names, pid, (unsigned long long)start, when[0] ? when : now);
  write_text(text);
  return read_word().state;
}

static void test_running(void) {
  static const char old[] = "2020-01-31T12:00:00+0100";
  const char *host = own_host(), *boot = own_boot();
  const uint64_t names = process_namespace(), start = process_start((uint32_t)getpid());
  const uint32_t self = (uint32_t)getpid();
  CU_ASSERT_TRUE(start > 0);
  CU_ASSERT_TRUE_FATAL(boot[0]);
  CU_ASSERT_TRUE(names > 0);
  CU_ASSERT_EQUAL(judged(host, boot, names, self, start, old), RUN_RUNNING); // it stands still, but is there
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
  CU_ASSERT_EQUAL(judged(host, boot, names, (uint32_t)child, born, ""), RUN_DIED); // not yet fetched
  waitpid(child, NULL, 0);
  CU_ASSERT_EQUAL(judged(host, boot, names, (uint32_t)child, born, ""), RUN_DIED);
  CU_ASSERT_EQUAL(judged(host, "", 0, (uint32_t)child, 0, ""), RUN_DIED);
}

static bool in_words(const char *what) {
  const struct run_word word = read_word();
  char text[2048];
  run_word_format(&word, text, sizeof text);
  if (strstr(text, what)) return true;
  fprintf(stderr, "  '%s' does not say '%s'\n", text, what);
  return false;
}

static void test_ends(void) {
  CU_ASSERT_EQUAL(read_word().state, RUN_UNKNOWN);
  CU_ASSERT_TRUE(in_words("unknown"));
  write_text(
      "{\"state\": \"stopped\", \"exit_code\": 75, \"reason\": \"signal 10\", \"env_steps\": 7, \"updates\": 3, "
      "\"failures\": {\"count\": 2, \"cause\": \"actors\", \"at_steps\": 7, \"at_updates\": 3}, \"dropped\": "
      "{\"surplus\": 1, \"unsent\": 2, \"lost_at_most\": 3}, \"actors_lost\": 4, \"checkpoint\": \"ckpt-7.h5\"}");
  const struct run_word word = read_word();
  CU_ASSERT_EQUAL(word.state, RUN_STOPPED);
  CU_ASSERT_EQUAL(word.exit_code, 75);
  CU_ASSERT_TRUE(!word.says_running);
  CU_ASSERT_EQUAL(word.env_steps, 7);
  CU_ASSERT_EQUAL(word.updates, 3);
  CU_ASSERT_EQUAL(word.failures.count, 2);
  CU_ASSERT_EQUAL(word.failures.at_steps, 7);
  CU_ASSERT_EQUAL(word.surplus, 1);
  CU_ASSERT_EQUAL(word.unsent, 2);
  CU_ASSERT_EQUAL(word.lost_at_most, 3);
  CU_ASSERT_EQUAL(word.actors_lost, 4);
  CU_ASSERT_STRING_EQUAL(word.failures.cause, "actors");
  CU_ASSERT_STRING_EQUAL(word.checkpoint, "ckpt-7.h5");
  CU_ASSERT_TRUE(in_words("stopped, exit status 75"));
  CU_ASSERT_TRUE(in_words("signal 10"));
  write_text("{\"state\": \"done\", \"exit_code\": 0, \"reason\": \"\"}");
  CU_ASSERT_EQUAL(read_word().state, RUN_DONE);
  write_text("{\"state\": \"failed\", \"exit_code\": 1, \"reason\": \"x\"}");
  CU_ASSERT_EQUAL(read_word().state, RUN_FAILED);
  write_text("{\"state\": \"resting\"}");
  CU_ASSERT_EQUAL(read_word().state, RUN_UNKNOWN);
  write_text("{\"state\": \"runn");
  CU_ASSERT_EQUAL(read_word().state, RUN_UNKNOWN);
  write_text("{\"state\": \"running\", \"pid\": \"x\", \"host\": 3, \"failures\": []}");
  CU_ASSERT_EQUAL(read_word().state, RUN_SILENT);
  char *path = unit_path(directory, "status.json");
  unlink(path);
  CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0); // not waited for
  CU_ASSERT_EQUAL(read_word().state, RUN_UNKNOWN);
  free(path);
}

static void alone(void (*run)(void)) {
  directory = unit_tmpdir();
  run();
  unit_tmpdir_remove(directory);
}
static void running(void) { alone(test_running); }
static void ends(void) { alone(test_ends); }

int main(void) {
  static const struct unit_case cases[] = {
      {"a run that says it is running is told from one that died", running},
      {"what it says of its end is taken as it stands, and what is no status is unknown", ends},
  };
  return unit_run("run_status", cases, sizeof cases / sizeof *cases);
}

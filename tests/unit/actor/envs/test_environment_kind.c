#include "actor/envs/environment_kind.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <string.h>

static void test_open(void) {
  struct environment_kind kind;
  struct error error = {0};
  UNIT_STATUS(environment_kind_open(&kind, "Pendulum-v1", NULL, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(environment_kind_name(&kind), "Pendulum-v1");
  CU_ASSERT_STRING_EQUAL(kind.args, "");
  environment_kind_close(&kind);
  char env[4096];
  UNIT_STATUS(environment_kind_open(&kind, plugin_env("counter", "7:x=/a b", env, sizeof env), NULL, &error), STATUS_OK,
              &error);
  CU_ASSERT_STRING_EQUAL(environment_kind_name(&kind), "counter.so");
  CU_ASSERT_STRING_EQUAL(kind.args, "7:x=/a b");
  CU_ASSERT_EQUAL(strlen(kind.id), strlen(env) - strlen(":7:x=/a b"));
  environment_kind_close(&kind);
}

static void refused(const char *env, enum status status, const char *text) {
  struct environment_kind kind;
  struct error error = {0};
  CU_ASSERT_EQUAL(environment_kind_open(&kind, env, NULL, &error), status);
  CU_ASSERT_EQUAL(error.status, status);
  CU_ASSERT(error_says(&error, text));
  CU_ASSERT_EQUAL(environment_kind_open(&kind, env, NULL, NULL), status);
  environment_kind_close(&kind);
}

static void test_exec_name(void) {
  struct environment_kind kind;
  CU_ASSERT_EQUAL(environment_kind_open(&kind, "exec:python3 dir/solver.py", NULL, NULL), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(environment_kind_name(&kind), "solver.py");
  environment_kind_close(&kind);
}

static void test_open_refused(void) {
  char env[4096];
  refused("", STATUS_USAGE, "no environment is given");
  refused(":args", STATUS_USAGE, "no environment is given");
  refused("Pendulm-v1", STATUS_USAGE, "\"Pendulm-v1\": did you mean Pendulum-v1?");
  refused("Tokamak:7", STATUS_USAGE, "\"Tokamak\"; `corsac envs`");
  refused("gym:", STATUS_USAGE, "gym:ID, such as");
  refused("exce:./solver", STATUS_USAGE, "exec:COMMAND");
  refused("/bin/sh", STATUS_FORMAT, "--env 'exec:COMMAND'");
  refused("exec:", STATUS_USAGE, "no command to run");
  refused("./missing.so:1", STATUS_IO, "./missing.so: No such file");
  refused("missing.so", STATUS_IO, "missing.so: No such file");
  refused("dir/Pendulum-v1", STATUS_IO, "dir/Pendulum-v1: No such file");
  refused(plugin_env("old_abi", NULL, env, sizeof env), STATUS_MISMATCH, "version 42");
  memset(env, 'a', 2000);
  env[2000] = '\0';
  refused(env, STATUS_USAGE, "too long");
  env[3] = ':';
  refused(env, STATUS_USAGE, "too long");
}

int main(void) {
  static const struct unit_case cases[] = {
      {"built-in environments and plugins open, with their arguments", test_open},
      {"an exec environment has the name of its simulator", test_exec_name},
      {"an environment that cannot be opened is refused, and the message says what would be right", test_open_refused},
  };
  return unit_run("environment_kind", cases, sizeof cases / sizeof *cases);
}

#include "launch/train/roles.h"
#include "common/wire/transport_loopback.h"
#include "tests/support/jobs.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

// Whether status.json in the directory says so.
static bool says(const char *directory, const char *what) {
  char *path = unit_path(directory, "status.json"), *text = unit_read_file(path, NULL);
  const bool found = text && strstr(text, what);
  free(path);
  free(text);
  return found;
}

// An actor's first word is that it was told to stop, its last that it leaves.
static void test_stopped_at_once(void) {
  static const volatile sig_atomic_t stop;
  char *directory = unit_tmpdir();
  const char *const train[] = {"--env",        "Pendulum-v1", "--hidden",  "8",       "--env-steps", "20",
                               "--eval-every", "0",           "--run-dir", directory, NULL};
  CU_ASSERT_EQUAL_FATAL(job_run_alone(train, NULL), EXIT_DONE);
  CU_ASSERT_TRUE(says(directory, "\"state\": \"done\""));
  struct setup setup;
  struct transport *ends[2];
  CU_ASSERT_EQUAL_FATAL(setup_resolve(&setup, 4, (char *[]){"--resume", directory, "--env-steps", "40", NULL}, 1, NULL),
                        STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(2, ends, NULL), STATUS_OK);
  peer_send_empty(ends[1], 0, MESSAGE_STOP_REQUEST);
  peer_send_empty(ends[1], 0, MESSAGE_BYE);
  const struct role_result result = role_lead(&setup, ends[0], NULL, &stop);
  CU_ASSERT_EQUAL(result.exit_code, EXIT_STOPPED);
  CU_ASSERT_TRUE_FATAL(says(directory, "\"state\": \"stopped\""));
  CU_ASSERT_TRUE(says(directory, "\"exit_code\": 75"));
  CU_ASSERT_TRUE_FATAL(says(directory, "\"env_steps\": 20"));
  CU_ASSERT_TRUE(says(directory, "ckpt-20.h5"));
  for (int i = 0; i < 2; i++) transport_destroy(ends[i]);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a resume that is stopped before it trains says stopped, not failed", test_stopped_at_once},
  };
  return unit_run("roles", cases, sizeof cases / sizeof *cases);
}

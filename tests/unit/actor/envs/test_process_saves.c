// The state of a simulator with its own main loop: saved and loaded by the host in every place of the loop, as bytes
// and as a file; and what a save or load that breaks its rules costs.
#include "actor/environment.h"
#include "actor/envs/supervisor.h"
#include "common/env/channel.h"
#include "tests/support/env_scene.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum status open_saving(struct env_scene *s, const char *what) {
  char env[4096];
  return env_scene_open(s, simulator_env("saving", what, env, sizeof env));
}

static void begin(struct env_scene *s, const char *what, uint64_t seed) {
  *s = (struct env_scene){0};
  UNIT_STATUS_FATAL(open_saving(s, what), STATUS_OK, &s->error);
  UNIT_STATUS(environment_reset(&s->environment, seed, s->obs, &s->error), STATUS_OK, &s->error);
}

static void save(struct env_scene *s, struct buffer *state) {
  CU_ASSERT_TRUE_FATAL(environment_save(&s->environment, state));
  CU_ASSERT_STRING_EQUAL(s->environment.unsaved, "");
}

static void load(struct env_scene *s, const struct buffer *state) {
  UNIT_STATUS_FATAL(environment_load(&s->environment, state->data, state->size, &s->error), STATUS_OK, &s->error);
}

static double named(struct env_scene *s, int which) {
  double values[2];
  environment_info(&s->environment, values);
  return values[which];
}

// The rest of an episode of 6 steps from step t on: sums (6), with the sum after step t in sums[t - 1].
static void play(struct env_scene *s, int t, double *sums) {
  for (; t <= 6; t++) {
    CU_ASSERT_EQUAL(env_scene_step(s, (float)t / 8), STATUS_OK);
    CU_ASSERT_EQUAL(s->obs[0], (float)t);
    CU_ASSERT_EQUAL(s->flags, t == 6 ? CORSAC_TERMINATED : 0);
    sums[t - 1] = s->reward;
  }
}

static void goes_on(struct env_scene *s, int t, const double *expected) {
  double sums[6];
  play(s, t, sums);
  for (int i = t; i <= 6; i++) CU_ASSERT_EQUAL(sums[i - 1], expected[i - 1]);
}

// Saves after `steps` steps. Loads in an episode, after its end, in one that has just begun, and in a new process that
// has made no step; each goes on as the first one did.
static void everywhere(const char *what, int steps) {
  struct env_scene s, fresh = {0};
  struct buffer state = {0}, again = {0};
  double sums[6] = {0};
  begin(&s, what, 123);
  for (int t = 1; t <= steps; t++) {
    CU_ASSERT_EQUAL(env_scene_step(&s, (float)t / 8), STATUS_OK);
    sums[t - 1] = s.reward;
  }
  save(&s, &state);
  play(&s, steps + 1, sums);
  CU_ASSERT_EQUAL(named(&s, 0), 1);                          // save was called once, though it took several requests
  CU_ASSERT_FALSE(environment_save(&s.environment, &again)); // the episode has ended
  CU_ASSERT_STRING_EQUAL(s.environment.unsaved, "");
  load(&s, &state);
  goes_on(&s, steps + 1, sums);
  UNIT_STATUS(environment_reset(&s.environment, 7, s.obs, &s.error), STATUS_OK, &s.error);
  load(&s, &state);
  CU_ASSERT_EQUAL(env_scene_step(&s, -1), STATUS_OK);
  load(&s, &state);
  save(&s, &again);
  CU_ASSERT_EQUAL_FATAL(again.size, state.size);
  CU_ASSERT_EQUAL(memcmp(again.data, state.data, state.size), 0);
  goes_on(&s, steps + 1, sums);
  CU_ASSERT_EQUAL(named(&s, 1), 3); // the program could see each load before it began
  UNIT_STATUS_FATAL(open_saving(&fresh, what), STATUS_OK, &fresh.error);
  CU_ASSERT_FALSE(environment_save(&fresh.environment, &again)); // before an episode
  load(&fresh, &state);
  goes_on(&fresh, steps + 1, sums);
  UNIT_STATUS(environment_reset(&fresh.environment, 123, fresh.obs, &fresh.error), STATUS_OK, &fresh.error);
  goes_on(&fresh, 1, sums);
  buffer_release(&state);
  buffer_release(&again);
  env_scene_close(&s);
  env_scene_close(&fresh);
}

static void test_everywhere(void) {
  for (int steps = 0; steps < 6; steps++) everywhere("good", steps);
}

static void test_file(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "restart"), what[4096];
  snprintf(what, sizeof what, "file %s", path);
  everywhere(what, 2);
  CU_ASSERT(access(path, F_OK) != 0); // the program removes what it wrote and read
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_no_state(void) {
  struct env_scene s;
  struct buffer state = {0};
  for (int i = 0; i < 2; i++) { // it has no save; its save says that there is no state now
    begin(&s, i == 0 ? "no" : "none", 5);
    CU_ASSERT_FALSE(environment_save(&s.environment, &state));
    CU_ASSERT_STRING_EQUAL(s.environment.unsaved, "");
    CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
    if (i == 0) UNIT_STATUS(environment_load(&s.environment, "x", 1, &s.error), STATUS_FAILED, &s.error);
    if (i == 0) CU_ASSERT(error_says(&s.error, "cannot load"));
    env_scene_close(&s);
  }
  buffer_release(&state);
}

static void says(const struct env_scene *s, const char *said, const char *text) {
  CU_ASSERT_PTR_NOT_NULL(strstr(said, text));
  if (!strstr(said, text)) fprintf(stderr, "\n    %s: \"%s\" does not say \"%s\"\n", s->kind.args, said, text);
}

// A save that fails costs neither the program nor its episode.
static void test_save_fails(void) {
  static const char *const faults[][2] = {
      {"negative", "save returned -7: its running episode cannot be saved"},
      {"reason", "save returned -1: the mesh is being refined: its running"},
      {"missing", "/no/restart: No such file"},
      {"begin", "calls corsac_sim_begin or corsac_sim_step inside of its save"},
      {"no-room", "save returned -1: a state of 65536 bytes cannot be mapped: Cannot allocate memory"},
      {"huge", "save wants 536870940 bytes; a state may have 536870912"},
  };
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    struct env_scene s;
    struct buffer state = {0};
    begin(&s, faults[i][0], 5);
    for (int t = 1; t < 4; t++) {
      CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
      CU_ASSERT_EQUAL(s.obs[0], (float)t);
      CU_ASSERT_FALSE(environment_save(&s.environment, &state));
      says(&s, s.environment.unsaved, faults[i][1]);
    }
    buffer_release(&state);
    env_scene_close(&s);
  }
}

// One that is larger each time is saved all the same, and a get in a save is nothing.
static void test_odd_saves(void) {
  for (int i = 0; i < 2; i++) {
    struct env_scene s;
    struct buffer state = {0};
    begin(&s, i == 0 ? "grow" : "get", 5);
    for (int t = 1; t < 4; t++) {
      CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_OK);
      save(&s, &state);
      CU_ASSERT_EQUAL(state.size, 28 + (i == 0 ? (size_t)t << 16 : 0));
    }
    CU_ASSERT_EQUAL(named(&s, 0), 2);
    buffer_release(&state);
    env_scene_close(&s);
  }
}

static void test_ends_in_save(void) {
  struct env_scene s;
  struct buffer state = {0};
  begin(&s, "exit", 5);
  CU_ASSERT_FALSE(environment_save(&s.environment, &state));
  CU_ASSERT_EQUAL(env_scene_step(&s, 0), STATUS_FAILED);
  CU_ASSERT(error_says(&s.error, "the process ended with exit status 4"));
  buffer_release(&state);
  env_scene_close(&s);
}

// Loads it in a new process, which has to refuse, and stays broken.
static void refuses(const char *what, const void *state, size_t size, const char *text) {
  struct env_scene s = {0};
  UNIT_STATUS_FATAL(open_saving(&s, what), STATUS_OK, &s.error);
  UNIT_STATUS(environment_load(&s.environment, state, size, &s.error), STATUS_FAILED, &s.error);
  says(&s, s.error.text, text);
  CU_ASSERT_EQUAL(environment_reset(&s.environment, 5, s.obs, NULL), STATUS_FAILED);
  env_scene_close(&s);
}

static void test_load_fails(void) {
  struct env_scene s;
  struct buffer state = {0};
  begin(&s, "good", 5);
  save(&s, &state);
  env_scene_close(&s);
  refuses("load-negative", state.data, state.size, "load of 28 bytes failed: the simulator's load returned -7");
  refuses("load-reason", state.data, state.size, "load of 28 bytes failed: it is of another mesh");
  refuses("load-step", state.data, state.size, "inside of its save or load");
  refuses("load-exit", state.data, state.size, "the process ended with exit status 4");
  refuses("load-less", state.data, state.size, "load has left 8 of the 12 bytes that save has put");
  refuses("load-more", state.data, state.size, "load asks for 8 bytes where 0 of the 12 are left");
  refuses("good", state.data, 15, "these 15 bytes are no state");
  refuses("good", state.data, 0, "these 0 bytes are no state");
  refuses("good", state.data, state.size - 1, "load asks for 8 bytes where 7 of the 11 are left");
  ((char *)state.data)[0]++;
  refuses("good", state.data, state.size, "these 28 bytes are no state");
  buffer_release(&state);
}

int main(int argc, char **argv) {
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv);
  static const struct unit_case cases[] = {
      {"a state goes on bit for bit, wherever the program was when it was loaded", test_everywhere},
      {"a state that is a file, too", test_file},
      {"a simulator without a state is asked for none", test_no_state},
      {"a save that fails costs nothing but the state", test_save_fails},
      {"a state that grows is saved", test_odd_saves},
      {"an end in save is an end", test_ends_in_save},
      {"a load that refuses, or reads not what was saved, has one message", test_load_fails},
  };
  return unit_run("process_saves", cases, sizeof cases / sizeof *cases);
}

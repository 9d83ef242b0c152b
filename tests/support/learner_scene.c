#include "tests/support/learner_scene.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/transport_loopback.h"
#include "learner/run/metrics_file.h"
#include "learner/storage/checkpoint_verify.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/exchange/handshake.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void learner_scene_init(struct learner_scene *s, const char *directory, const char *name, int actors,
                        const char *arguments) {
  char text[1024], run_dir[512];
  char *words[64] = {"--run-dir", run_dir};
  int count = 2;
  snprintf(run_dir, sizeof run_dir, "%s/%s", directory, name);
  snprintf(text, sizeof text,
           "--hidden 8,8 --batch-size 16 --replay-capacity 2000 --learning-starts 50 --eval-every 0 --log-every 100 "
           "--checkpoint-every 0 --send-steps 4 %s",
           arguments);
  char *rest = NULL;
  for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) words[count++] = word;
  *s = (struct learner_scene){.actors = actors};
  struct error error = {0};
  UNIT_STATUS(setup_resolve(&s->setup, count, words, (uint32_t)actors, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(error.status, STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(actors + 1, s->ends, NULL), STATUS_OK);
  struct config *config = &s->setup.config;
  for (int i = 0; i < actors; i++) s->actor[i] = actor_create(config, s->ends[i + 1], &s->actor_stop, &error);
  CU_ASSERT_EQUAL_FATAL(error.status, STATUS_OK);
  struct message_hello hello;
  uint32_t pid[LEARNER_SCENE_ACTORS];
  CU_ASSERT_EQUAL_FATAL(handshake_collect(config, s->ends[0], &s->stop, &hello, pid, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(job_init(&s->job, config, &hello, NULL), STATUS_OK);
  s->metrics_file = metrics_file_open(config->run_dir, metrics_header(), 0, NULL);
  const struct learner_setup setup = {&s->job, s->ends[0], s->setup.run, s->metrics_file, &s->stop, "",
                                      NULL,    pid,        NULL,         s->setup.began,  -INFINITY};
  s->learner = learner_create(&setup, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->learner);
  CU_ASSERT_EQUAL_FATAL(learner_start(s->learner, NULL), STATUS_OK);
}

void learner_scene_release(struct learner_scene *s) {
  learner_destroy(s->learner);
  metrics_file_close(s->metrics_file);
  job_release(&s->job);
  for (int i = 0; i < LEARNER_SCENE_ACTORS; i++) actor_destroy(s->actor[i]);
  log_close();
  run_directory_close(s->setup.run);
  for (int i = 0; i <= s->actors; i++) transport_destroy(s->ends[i]);
}

bool learner_scene_turn(struct learner_scene *s, bool *busy) {
  const enum turn learner = learner_turn(s->learner);
  *busy = learner == TURN_BUSY;
  for (int i = 0; i < LEARNER_SCENE_ACTORS; i++) {
    enum turn actor = TURN_DONE;
    struct error error = {0};
    if (!s->actor[i]) continue;
    UNIT_STATUS(actor_turn(s->actor[i], &actor, &error), STATUS_OK, &error);
    *busy |= actor == TURN_BUSY;
    if (actor != TURN_DONE) continue;
    CU_ASSERT_EQUAL(actor_exit_code(s->actor[i]), i + 1 == s->expelled ? 1 : learner_outcome(s->learner)->exit_code);
    actor_destroy(s->actor[i]);
    s->actor[i] = NULL;
  }
  return learner != TURN_DONE;
}

const struct learner_outcome *learner_scene_play(struct learner_scene *s) {
  const double deadline = clock_now() + 60;
  struct backoff backoff = {0};
  bool busy;
  while (learner_scene_turn(s, &busy) && clock_now() < deadline) {
    if (busy)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
  CU_ASSERT_TRUE(clock_now() < deadline);
  return learner_outcome(s->learner);
}

void learner_scene_kill(struct learner_scene *s, int i) {
  actor_destroy(s->actor[i]);
  s->actor[i] = NULL;
}

bool learner_scene_says(const struct learner_scene *s, const char *name, const char *what) {
  log_flush();
  char *path = unit_path(s->setup.config.run_dir, name), *text = unit_read_file(path, NULL);
  const bool found = text && strstr(text, what);
  free(path);
  free(text);
  return found;
}

bool learner_scene_verifies(const struct learner_scene *s, const char *name) {
  char *path = unit_path(s->setup.config.run_dir, name);
  const bool good = checkpoint_verify(path, NULL) == STATUS_OK;
  free(path);
  return good;
}

#include "tests/support/actor_scene.h"

#include "common/nn/backend.h"
#include "common/nn/policy.h"
#include "common/wire/transport_loopback.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"
#include <stdio.h>

void actor_scene_init(struct actor_scene *s, struct config config, int actors, int rank) {
  struct mlp mlp;
  struct error error = {0};
  *s = (struct actor_scene){.config = config, .size = actors + 1, .obs_dim = PEER_OBS};
  policy_network(&mlp, NULL, PEER_OBS, PEER_ACT, &config);
  s->parameters = mlp.parameters;
  policy_network(&mlp, backend_tiles(&config), PEER_OBS, PEER_ACT, &config);
  s->in_memory = mlp.parameters;
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(s->size, s->ends, NULL), STATUS_OK);
  for (int i = 0; i < s->size; i++)
    CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(s->ends[i], 10000, NULL), STATUS_OK);
  s->actor = actor_create(&s->config, s->ends[rank], &s->stop, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->actor);
}

void actor_scene_release(struct actor_scene *s) {
  actor_destroy(s->actor);
  for (int i = 0; i < s->size; i++) transport_destroy(s->ends[i]);
}

enum turn actor_scene_play(struct actor_scene *s, int most) {
  enum turn turn = TURN_BUSY;
  struct error error = {0};
  while (turn == TURN_BUSY && most-- > 0) UNIT_STATUS(actor_turn(s->actor, &turn, &error), STATUS_OK, &error);
  if (error.status) fprintf(stderr, "%s\n", error.text);
  return turn;
}

struct actor_arrival actor_scene_collect(struct actor_scene *s) {
  struct actor_arrival a = {.low_version = UINT64_MAX};
  struct transition_batch batch;
  struct frame frame;
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(&batch, s->obs_dim, PEER_ACT, 1000, 1000, 100, NULL), STATUS_OK);
  while (peer_receive(s->ends[0], &frame)) {
    a.counts[frame.type]++;
    if (frame.type == MESSAGE_FAILED) CU_ASSERT_EQUAL(message_decode_failed(&frame, &a.failed, NULL), STATUS_OK);
    if (frame.type != MESSAGE_TRANSITIONS) continue;
    CU_ASSERT_EQUAL(message_decode_transitions(&frame, &batch, NULL), STATUS_OK);
    a.steps += batch.steps;
    a.rows += batch.rows;
    if (batch.lag.high > a.lag_high) a.lag_high = batch.lag.high;
    for (uint32_t r = 0; r < batch.rows; r++) {
      if (batch.version[r] < a.low_version) a.low_version = batch.version[r];
      if (batch.version[r] > a.high_version) a.high_version = batch.version[r];
    }
  }
  transition_batch_release(&batch);
  return a;
}

struct config actor_scene_config(const char *yaml) {
  char text[512];
  snprintf(text, sizeof text, "send_seconds: 1000\nsend_steps: 4\n%s", yaml);
  return peer_config(text);
}

struct config actor_scene_plugin(const char *name, const char *args, const char *yaml) {
  struct config config = actor_scene_config(yaml);
  plugin_env(name, args, config.env, sizeof config.env);
  return config;
}

void actor_scene_send_round(struct actor_scene *s, uint64_t round, uint64_t version) {
  struct buffer bytes = {0};
  CU_ASSERT_EQUAL(message_encode_round(&bytes, 0, &(struct message_round){round, version}, NULL), STATUS_OK);
  peer_send(s->ends[0], 1, &bytes);
  buffer_release(&bytes);
}

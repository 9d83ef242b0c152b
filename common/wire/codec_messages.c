// The messages without arrays, one walk each.
#include "common/wire/codec_impl.h"
#include <assert.h>
#include <float.h>
#include <stdio.h>

enum status message_encode_empty(struct buffer *out, enum message_type type, uint32_t sender, struct error *error) {
  struct codec codec = codec_write(out, type, sender, error);
  return codec_end(&codec);
}

enum status message_decode_empty(const struct frame *frame, struct error *error) {
  struct codec codec = codec_read(frame, frame->type, error);
  return codec_end(&codec);
}

static void walk_failed(struct codec *codec, void *message) {
  struct message_failed *failed = message;
  codec_u32(codec, "status", &failed->status, STATUS_PEER);
  if (failed->status == STATUS_OK) codec_refuse(codec, "status is ok");
  codec_text(codec, "text", failed->text, sizeof failed->text);
}

enum status message_encode_failed(struct buffer *out, uint32_t sender, const struct error *failure,
                                  struct error *error) {
  struct message_failed failed = {.status = failure->status ? failure->status : STATUS_FAILED}; // never STATUS_OK
  snprintf(failed.text, sizeof failed.text, "%.*s", (int)sizeof failure->text, failure->text);
  return codec_encode(out, MESSAGE_FAILED, sender, walk_failed, &failed, error);
}

enum status message_decode_failed(const struct frame *frame, struct message_failed *failed, struct error *error) {
  return codec_decode(frame, MESSAGE_FAILED, walk_failed, failed, error);
}

static void walk_credit(struct codec *codec, void *message) {
  struct message_credit *credit = message;
  codec_u32(codec, "batches", &credit->batches, WIRE_MAX_CREDITS);
  codec_u64(codec, "newest_version", &credit->newest_version, WIRE_MAX_COUNT);
  codec_u64(codec, "env_steps", &credit->env_steps, WIRE_MAX_COUNT);
}

enum status message_encode_credit(struct buffer *out, uint32_t sender, const struct message_credit *credit,
                                  struct error *error) {
  return codec_encode(out, MESSAGE_CREDIT, sender, walk_credit, credit, error);
}

enum status message_decode_credit(const struct frame *frame, struct message_credit *credit, struct error *error) {
  const enum status status = codec_decode(frame, MESSAGE_CREDIT, walk_credit, credit, error);
  if (status) credit->batches = 0;
  return status;
}

static void walk_round(struct codec *codec, void *message) {
  struct message_round *round = message;
  codec_u64(codec, "round", &round->round, WIRE_MAX_COUNT);
  codec_u64(codec, "version", &round->version, WIRE_MAX_COUNT);
}

enum status message_encode_round(struct buffer *out, uint32_t sender, const struct message_round *round,
                                 struct error *error) {
  return codec_encode(out, MESSAGE_ROUND, sender, walk_round, round, error);
}

enum status message_decode_round(const struct frame *frame, struct message_round *round, struct error *error) {
  return codec_decode(frame, MESSAGE_ROUND, walk_round, round, error);
}

static void walk_round_end(struct codec *codec, void *message) {
  struct message_round_end *end = message;
  codec_u64(codec, "round", &end->round, WIRE_MAX_COUNT);
}

enum status message_encode_round_end(struct buffer *out, uint32_t sender, const struct message_round_end *end,
                                     struct error *error) {
  return codec_encode(out, MESSAGE_ROUND_END, sender, walk_round_end, end, error);
}

enum status message_decode_round_end(const struct frame *frame, struct message_round_end *end, struct error *error) {
  return codec_decode(frame, MESSAGE_ROUND_END, walk_round_end, end, error);
}

static void walk_bye(struct codec *codec, void *message) {
  struct message_bye *bye = message;
  codec_u64(codec, "unsent", &bye->unsent, WIRE_MAX_COUNT);
}

enum status message_encode_bye(struct buffer *out, uint32_t sender, const struct message_bye *bye,
                               struct error *error) {
  return codec_encode(out, MESSAGE_BYE, sender, walk_bye, bye, error);
}

enum status message_decode_bye(const struct frame *frame, struct message_bye *bye, struct error *error) {
  return codec_decode(frame, MESSAGE_BYE, walk_bye, bye, error);
}

static void walk_evaluate(struct codec *codec, struct message_evaluate *evaluate, struct policy_weights *weights) {
  codec_u64(codec, "number", &evaluate->number, WIRE_MAX_COUNT);
  codec_u32(codec, "first", &evaluate->first, UINT32_MAX);
  codec_u32(codec, "stride", &evaluate->stride, UINT32_MAX);
  codec_u32(codec, "count", &evaluate->count, UINT32_MAX);
  codec_u32(codec, "steps", &evaluate->steps, UINT32_MAX);
  codec_bool(codec, "sampled", &evaluate->sampled);
  codec_u64(codec, "env_steps", &evaluate->env_steps, WIRE_MAX_COUNT);
  if (evaluate->stride == 0) codec_refuse(codec, "stride is 0");
  codec_weights(codec, weights);
}

enum status message_encode_evaluate(struct buffer *out, uint32_t sender, const struct message_evaluate *evaluate,
                                    const struct policy_weights *weights, struct error *error) {
  assert(evaluate->stride > 0);
  struct message_evaluate fields = *evaluate;
  struct policy_weights numbers = *weights;
  struct codec codec = codec_write(out, MESSAGE_EVALUATE, sender, error);
  walk_evaluate(&codec, &fields, &numbers);
  return codec_end(&codec);
}

enum status message_decode_evaluate(const struct frame *frame, struct message_evaluate *evaluate,
                                    struct policy_weights *weights, struct error *error) {
  struct codec codec = codec_read(frame, MESSAGE_EVALUATE, error);
  walk_evaluate(&codec, evaluate, weights);
  const enum status status = codec_end(&codec);
  if (status) evaluate->count = 0;
  return status;
}

static void walk_episode(struct codec *codec, void *message) {
  struct message_episode *episode = message;
  codec_u64(codec, "number", &episode->number, WIRE_MAX_COUNT);
  codec_u32(codec, "episode", &episode->episode, UINT32_MAX);
  codec_u32(codec, "length", &episode->length, UINT32_MAX);
  codec_return(codec, "episode_return", &episode->episode_return, episode->length);
  codec_bool(codec, "failed", &episode->failed);
  codec_u32(codec, "cut", &episode->cut, EPISODE_NOT_BEGUN);
  codec_u32(codec, "info_dim", &episode->info_dim, WIRE_INFO);
  for (uint32_t i = 0; i < episode->info_dim; i++) codec_f64(codec, "info", &episode->info[i], -DBL_MAX, DBL_MAX);
}

enum status message_encode_episode(struct buffer *out, uint32_t sender, const struct message_episode *episode,
                                   struct error *error) {
  return codec_encode(out, MESSAGE_EPISODE, sender, walk_episode, episode, error);
}

enum status message_decode_episode(const struct frame *frame, struct message_episode *episode, struct error *error) {
  const enum status status = codec_decode(frame, MESSAGE_EPISODE, walk_episode, episode, error);
  if (status) episode->info_dim = 0;
  return status;
}

static void walk_env_failure(struct codec *codec, void *message) {
  struct message_env_failure *env_failure = message;
  codec_u32(codec, "environment", &env_failure->environment, UINT32_MAX);
  codec_bool(codec, "evaluation", &env_failure->evaluation);
  codec_u32(codec, "in_a_row", &env_failure->in_a_row, UINT32_MAX);
  codec_f64(codec, "pause", &env_failure->pause, 0, WIRE_MAX_SECONDS);
  codec_text(codec, "text", env_failure->text, sizeof env_failure->text);
}

enum status message_encode_env_failure(struct buffer *out, uint32_t sender,
                                       const struct message_env_failure *env_failure, struct error *error) {
  return codec_encode(out, MESSAGE_ENV_FAILURE, sender, walk_env_failure, env_failure, error);
}

enum status message_decode_env_failure(const struct frame *frame, struct message_env_failure *env_failure,
                                       struct error *error) {
  return codec_decode(frame, MESSAGE_ENV_FAILURE, walk_env_failure, env_failure, error);
}

static void walk_info(struct codec *codec, void *message) {
  struct message_info *info = message;
  codec_u32(codec, "environment", &info->environment, UINT32_MAX);
  codec_u32(codec, "info_dim", &info->info_dim, WIRE_INFO);
  for (uint32_t i = 0; i < info->info_dim; i++) {
    codec_u64(codec, "count", &info->count[i], WIRE_MAX_COUNT);
    codec_f64(codec, "sum", &info->sum[i], -DBL_MAX, DBL_MAX);
  }
}

enum status message_encode_info(struct buffer *out, uint32_t sender, const struct message_info *info,
                                struct error *error) {
  return codec_encode(out, MESSAGE_INFO, sender, walk_info, info, error);
}

enum status message_decode_info(const struct frame *frame, struct message_info *info, struct error *error) {
  const enum status status = codec_decode(frame, MESSAGE_INFO, walk_info, info, error);
  if (status) info->info_dim = 0;
  return status;
}

static void walk_stop(struct codec *codec, void *message) {
  struct message_stop *stop = message;
  codec_u32(codec, "exit_code", &stop->exit_code, UINT8_MAX);
  codec_bool(codec, "together", &stop->together);
}

enum status message_encode_stop(struct buffer *out, uint32_t sender, const struct message_stop *stop,
                                struct error *error) {
  return codec_encode(out, MESSAGE_STOP, sender, walk_stop, stop, error);
}

enum status message_decode_stop(const struct frame *frame, struct message_stop *stop, struct error *error) {
  return codec_decode(frame, MESSAGE_STOP, walk_stop, stop, error);
}

static void walk_heartbeat(struct codec *codec, void *message) {
  struct message_heartbeat *heartbeat = message;
  codec_u64(codec, "newest_version", &heartbeat->newest_version, WIRE_MAX_COUNT);
  codec_f64(codec, "longest_step", &heartbeat->longest_step, 0, WIRE_MAX_SECONDS);
  codec_u64(codec, "pid_namespace", &heartbeat->pid_namespace, UINT64_MAX);
  codec_u32(codec, "pid", &heartbeat->pid, INT32_MAX);
  codec_bool(codec, "heartbeats_in_step", &heartbeat->heartbeats_in_step);
  codec_u32(codec, "wait.call", &heartbeat->wait.call, WAIT_CALLS - 1);
  codec_u32(codec, "wait.environment", &heartbeat->wait.environment, UINT32_MAX);
  codec_bool(codec, "wait.evaluation", &heartbeat->wait.evaluation);
  codec_f64(codec, "wait.seconds", &heartbeat->wait.seconds, 0, WIRE_MAX_SECONDS);
}

enum status message_encode_heartbeat(struct buffer *out, uint32_t sender, const struct message_heartbeat *heartbeat,
                                     struct error *error) {
  return codec_encode(out, MESSAGE_HEARTBEAT, sender, walk_heartbeat, heartbeat, error);
}

enum status message_decode_heartbeat(const struct frame *frame, struct message_heartbeat *heartbeat,
                                     struct error *error) {
  return codec_decode(frame, MESSAGE_HEARTBEAT, walk_heartbeat, heartbeat, error);
}

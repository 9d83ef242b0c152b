#include "tests/support/codec_samples.h"
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *exact(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory) return memory;
  fprintf(stderr, "codec_samples: no memory\n");
  exit(1);
}

void codec_target_init(struct codec_target *target) {
  *target = (struct codec_target){
      .batch = {.obs_dim = SAMPLE_OBS,
                .act_dim = SAMPLE_ACT,
                .capacity = SAMPLE_ROWS,
                .episode_capacity = SAMPLE_EPISODES,
                .environment_capacity = SAMPLE_ENVIRONMENTS,
                .lag = {.low = UINT64_MAX}},
      .snapshot = {.obs_dim = SAMPLE_OBS, .act_dim = SAMPLE_ACT, .agents = 1, .agent_capacity = 1},
      .weights = {.obs_dim = SAMPLE_OBS, .parameters = SAMPLE_PARAMETERS},
      .step = {.obs_dim = SAMPLE_OBS, .act_dim = SAMPLE_ACT},
  };
  target->step.obs = exact(SAMPLE_OBS, sizeof(float));
  target->step.next_obs = exact(SAMPLE_OBS, sizeof(float));
  target->step.action = exact(SAMPLE_ACT, sizeof(float));
  target->step.scaled = exact(SAMPLE_ACT, sizeof(float));
  target->step.eps = exact(SAMPLE_ACT, sizeof(float));
  struct transition_batch *batch = &target->batch;
  batch->environment = exact(SAMPLE_ROWS, sizeof *batch->environment);
  batch->version = exact(SAMPLE_ROWS, sizeof *batch->version);
  batch->obs = exact(SAMPLE_ROWS * SAMPLE_OBS, sizeof *batch->obs);
  batch->action = exact(SAMPLE_ROWS * SAMPLE_ACT, sizeof *batch->action);
  batch->reward = exact(SAMPLE_ROWS, sizeof *batch->reward);
  batch->next_obs = exact(SAMPLE_ROWS * SAMPLE_OBS, sizeof *batch->next_obs);
  batch->discount = exact(SAMPLE_ROWS, sizeof *batch->discount);
  batch->episode = exact(SAMPLE_EPISODES, sizeof *batch->episode);
  batch->progress = exact(SAMPLE_ENVIRONMENTS, sizeof *batch->progress);
  struct snapshot *snapshot = &target->snapshot;
  snapshot->obs = exact(SAMPLE_OBS, sizeof *snapshot->obs);
  snapshot->window_obs = exact(SAMPLE_WINDOW * SAMPLE_OBS, sizeof *snapshot->window_obs);
  snapshot->window_action = exact(SAMPLE_WINDOW * SAMPLE_ACT, sizeof *snapshot->window_action);
  snapshot->window_reward = exact(SAMPLE_WINDOW, sizeof *snapshot->window_reward);
  snapshot->window_version = exact(SAMPLE_WINDOW, sizeof *snapshot->window_version);
  target->weights.shift = exact(SAMPLE_OBS, sizeof(float));
  target->weights.scale = exact(SAMPLE_OBS, sizeof(float));
  target->weights.values = exact(SAMPLE_PARAMETERS, sizeof(float));
}

static void count_up(float *numbers, size_t count, float first) {
  for (size_t i = 0; i < count; i++) numbers[i] = first + (float)i / 3;
}

static void fill_batch(struct transition_batch *batch) {
  batch->rows = SAMPLE_ROWS;
  batch->steps = 1ull << 40;
  batch->lag = (struct lag_record){.count = 9, .sum = 21, .low = 1, .high = WIRE_MAX_COUNT - 1};
  batch->blocked = 0.125;
  batch->longest_step = 2.5;
  for (uint32_t i = 0; i < SAMPLE_ROWS; i++) {
    batch->environment[i] = 0x01020304u + i;
    batch->version[i] = 0x11223344556677u + i;
  }
  count_up(batch->obs, SAMPLE_ROWS * SAMPLE_OBS, 1);
  count_up(batch->action, SAMPLE_ROWS * SAMPLE_ACT, -1);
  count_up(batch->reward, SAMPLE_ROWS, 1e20f);
  count_up(batch->next_obs, SAMPLE_ROWS * SAMPLE_OBS, 1000);
  count_up(batch->discount, SAMPLE_ROWS, 1e-42f); // a denormal
  batch->obs[1] = FLT_MAX;
  for (int i = 0; i < SAMPLE_ROWS * SAMPLE_ACT; i++) batch->action[i] /= 3;
  batch->action[0] = -0.0f;
  batch->reward[2] = -FLT_MAX;
  batch->episodes = SAMPLE_EPISODES;
  for (uint32_t i = 0; i < SAMPLE_EPISODES; i++)
    batch->episode[i] = (struct episode_record){i + 5, i + 500, (1ull << 33) + i, -1.5 * i, i + 1};
  batch->environments = SAMPLE_ENVIRONMENTS;
  for (uint32_t i = 0; i < SAMPLE_ENVIRONMENTS; i++) {
    batch->progress[i] = (struct environment_progress){i + 7, (1ull << 34) + i, (1ull << 35) + i};
  }
}

static void fill_step(struct message_step *step) {
  step->number = 1ull << 39;
  step->episode = 21;
  step->step = 1u << 30;
  step->agent = 17;
  step->flags = 2;
  step->reward = -1.0 / 7;
  count_up(step->obs, SAMPLE_OBS, 80);
  count_up(step->next_obs, SAMPLE_OBS, 90);
  count_up(step->action, SAMPLE_ACT, -1);
  count_up(step->scaled, SAMPLE_ACT, 110);
  count_up(step->eps, SAMPLE_ACT, 120);
}

static void fill_snapshot(struct snapshot *snapshot) {
  snapshot->environment = 12;
  snapshot->steps = 1ull << 36;
  snapshot->episode = 77;
  snapshot->live = true;
  snapshot->exact = true;
  snapshot->episode_return = -0.1;
  snapshot->episode_length = 199;
  snapshot->info_dim = 2;
  snapshot->info_count[0] = 199;
  snapshot->info_number[0] = -1.0 / 3;
  snapshot->info_count[1] = 1;
  snapshot->info_number[1] = DBL_MAX;
  snapshot->window = SAMPLE_WINDOW;
  count_up(snapshot->obs, SAMPLE_OBS, 10);
  count_up(snapshot->window_obs, SAMPLE_WINDOW * SAMPLE_OBS, 20);
  count_up(snapshot->window_action, SAMPLE_WINDOW * SAMPLE_ACT, -1);
  count_up(snapshot->window_reward, SAMPLE_WINDOW, 40);
  for (uint32_t i = 0; i < SAMPLE_WINDOW; i++) snapshot->window_version[i] = (1ull << 50) + i;
  if (buffer_reserve(&snapshot->state, SAMPLE_STATE, NULL)) exit(1);
  memcpy(snapshot->state.data, "\0state\xff", SAMPLE_STATE);
  snapshot->state.size = SAMPLE_STATE;
}

void codec_target_fill(struct codec_target *target) {
  struct message_hello *hello = &target->hello;
  message_hello_release(hello);
  *hello = (struct message_hello){.environment = "Pendulum-v1",
                                  .obs_dim = SAMPLE_OBS,
                                  .act_dim = SAMPLE_ACT,
                                  .max_episode_steps = 200,
                                  .flags = 1,
                                  .can_save = true};
  hello->info_dim = 2;
  snprintf(hello->info_name[0], WIRE_INFO_NAME, "reward_forward");
  snprintf(hello->info_name[1], WIRE_INFO_NAME, "x");
  hello->action_low = memory_alloc(SAMPLE_ACT, sizeof *hello->action_low, "bounds", NULL);
  hello->action_high = memory_alloc(SAMPLE_ACT, sizeof *hello->action_high, "bounds", NULL);
  if (!hello->action_low || !hello->action_high) exit(1);
  for (int i = 0; i < SAMPLE_ACT; i++) {
    hello->action_low[i] = -2.0 - i;
    hello->action_high[i] = 1.0 / 3 + i;
  }
  target->failed = (struct message_failed){STATUS_IO, "no space left"};
  fill_batch(&target->batch);
  fill_snapshot(&target->snapshot);
  target->credit = (struct message_credit){3, 1ull << 50, 1ull << 49};
  target->round = (struct message_round){1ull << 41, 1ull << 42};
  target->round_end = (struct message_round_end){1ull << 43};
  target->bye = (struct message_bye){(1ull << 41) + 3};
  target->weights.version = 1ull << 44;
  target->weights.normalize = true;
  count_up(target->weights.shift, SAMPLE_OBS, 50);
  count_up(target->weights.scale, SAMPLE_OBS, 60);
  count_up(target->weights.values, SAMPLE_PARAMETERS, 70);
  target->evaluate = (struct message_evaluate){8, 1, 3, 10, 1u << 31, true, 1ull << 48};
  target->episode =
      (struct message_episode){1ull << 45, 6, 200, -123.456, true, EPISODE_OUT_OF_TIME, 2, {0.75, WIRE_NO_VALUE}};
  fill_step(&target->step);
  target->env_failure = (struct message_env_failure){11, true, 3, 0.5, "the solver diverged"};
  target->info = (struct message_info){12, 2, {7, 1ull << 48}, {0.5, -1.0 / 3}};
  target->stop = (struct message_stop){75, true};
  target->heartbeat = (struct message_heartbeat){1ull << 46, 2.5, 1ull << 47, 77, true, {WAIT_RESET, 12, true, 31.5}};
}

void codec_target_release(struct codec_target *target) {
  struct transition_batch *batch = &target->batch;
  struct snapshot *snapshot = &target->snapshot;
  void *arrays[] = {batch->environment,
                    batch->version,
                    batch->obs,
                    batch->action,
                    batch->reward,
                    batch->next_obs,
                    batch->discount,
                    batch->episode,
                    batch->progress,
                    snapshot->obs,
                    snapshot->window_obs,
                    snapshot->window_action,
                    snapshot->window_reward,
                    snapshot->window_version,
                    target->weights.shift,
                    target->weights.scale,
                    target->weights.values,
                    target->step.obs,
                    target->step.next_obs,
                    target->step.action,
                    target->step.scaled,
                    target->step.eps};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
  buffer_release(&snapshot->state);
  message_hello_release(&target->hello);
}

enum status codec_target_encode(const struct codec_target *target, enum message_type type, uint32_t sender,
                                struct buffer *out, struct error *error) {
  switch (type) {
  case MESSAGE_HELLO: return message_encode_hello(out, sender, &target->hello, error);
  case MESSAGE_FAILED: {
    struct error failure = {.status = (enum status)target->failed.status};
    snprintf(failure.text, sizeof failure.text, "%s", target->failed.text);
    return message_encode_failed(out, sender, &failure, error);
  }
  case MESSAGE_TRANSITIONS: return message_encode_transitions(out, sender, &target->batch, error);
  case MESSAGE_SNAPSHOT:
  case MESSAGE_RESTORE: return message_encode_snapshot(out, type, sender, &target->snapshot, error);
  case MESSAGE_CREDIT: return message_encode_credit(out, sender, &target->credit, error);
  case MESSAGE_ROUND: return message_encode_round(out, sender, &target->round, error);
  case MESSAGE_ROUND_END: return message_encode_round_end(out, sender, &target->round_end, error);
  case MESSAGE_BYE: return message_encode_bye(out, sender, &target->bye, error);
  case MESSAGE_WEIGHTS: return message_encode_weights(out, sender, &target->weights, error);
  case MESSAGE_EVALUATE: return message_encode_evaluate(out, sender, &target->evaluate, &target->weights, error);
  case MESSAGE_EPISODE: return message_encode_episode(out, sender, &target->episode, error);
  case MESSAGE_STEP: return message_encode_step(out, sender, &target->step, error);
  case MESSAGE_ENV_FAILURE: return message_encode_env_failure(out, sender, &target->env_failure, error);
  case MESSAGE_INFO: return message_encode_info(out, sender, &target->info, error);
  case MESSAGE_STOP: return message_encode_stop(out, sender, &target->stop, error);
  case MESSAGE_HEARTBEAT: return message_encode_heartbeat(out, sender, &target->heartbeat, error);
  default: return message_encode_empty(out, type, sender, error);
  }
}

static bool hello_sane(const struct message_hello *hello, enum status status) {
  if (!memchr(hello->environment, 0, sizeof hello->environment)) return false;
  if (status) return hello->obs_dim == 0 && hello->act_dim == 0 && !hello->action_low && !hello->action_high;
  if (hello->info_dim > WIRE_INFO) return false;
  for (uint32_t i = 0; i < hello->info_dim; i++)
    if (!memchr(hello->info_name[i], 0, WIRE_INFO_NAME)) return false;
  return hello->obs_dim && hello->obs_dim <= WIRE_MAX_DIM && hello->act_dim && hello->act_dim <= WIRE_MAX_DIM &&
         hello->action_low && hello->action_high;
}

static bool batch_sane(const struct transition_batch *batch, enum status status) {
  if (status) return batch->rows == 0 && batch->episodes == 0 && batch->environments == 0;
  return batch->obs_dim == SAMPLE_OBS && batch->act_dim == SAMPLE_ACT && batch->rows <= SAMPLE_ROWS &&
         batch->episodes <= SAMPLE_EPISODES && batch->environments <= SAMPLE_ENVIRONMENTS;
}

static bool snapshot_sane(const struct snapshot *snapshot, enum status status) {
  if (status) return snapshot->window == 0 && snapshot->state.size == 0;
  return snapshot->obs_dim == SAMPLE_OBS && snapshot->act_dim == SAMPLE_ACT && snapshot->window <= SAMPLE_WINDOW &&
         snapshot->state.size <= snapshot->state.capacity;
}

enum status codec_target_decode(struct codec_target *target, const struct frame *frame, bool *sane,
                                struct error *error) {
  enum status status;
  *sane = true;
  switch (frame->type) {
  case MESSAGE_HELLO:
    status = message_decode_hello(frame, &target->hello, error);
    *sane = hello_sane(&target->hello, status);
    break;
  case MESSAGE_FAILED:
    status = message_decode_failed(frame, &target->failed, error);
    *sane = memchr(target->failed.text, 0, sizeof target->failed.text) &&
            (status || (target->failed.status > STATUS_OK && target->failed.status <= STATUS_STOPPED));
    break;
  case MESSAGE_TRANSITIONS:
    status = message_decode_transitions(frame, &target->batch, error);
    *sane = batch_sane(&target->batch, status);
    break;
  case MESSAGE_SNAPSHOT:
  case MESSAGE_RESTORE:
    status = message_decode_snapshot(frame, SAMPLE_WINDOW, &target->snapshot, error);
    *sane = snapshot_sane(&target->snapshot, status);
    break;
  case MESSAGE_CREDIT: status = message_decode_credit(frame, &target->credit, error); break;
  case MESSAGE_ROUND: status = message_decode_round(frame, &target->round, error); break;
  case MESSAGE_ROUND_END: status = message_decode_round_end(frame, &target->round_end, error); break;
  case MESSAGE_BYE: status = message_decode_bye(frame, &target->bye, error); break;
  case MESSAGE_WEIGHTS:
    status = message_decode_weights(frame, &target->weights, error);
    *sane = target->weights.obs_dim == SAMPLE_OBS && target->weights.parameters == SAMPLE_PARAMETERS;
    break;
  case MESSAGE_EVALUATE:
    status = message_decode_evaluate(frame, &target->evaluate, &target->weights, error);
    *sane = status ? target->evaluate.count == 0 : target->evaluate.stride > 0;
    break;
  case MESSAGE_EPISODE: status = message_decode_episode(frame, &target->episode, error); break;
  case MESSAGE_STEP:
    status = message_decode_step(frame, &target->step, error);
    *sane = target->step.obs_dim == SAMPLE_OBS && target->step.act_dim == SAMPLE_ACT;
    break;
  case MESSAGE_ENV_FAILURE:
    status = message_decode_env_failure(frame, &target->env_failure, error);
    *sane = memchr(target->env_failure.text, 0, sizeof target->env_failure.text);
    break;
  case MESSAGE_INFO:
    status = message_decode_info(frame, &target->info, error);
    *sane = target->info.info_dim <= WIRE_INFO && (status == STATUS_OK || target->info.info_dim == 0);
    break;
  case MESSAGE_STOP: status = message_decode_stop(frame, &target->stop, error); break;
  case MESSAGE_HEARTBEAT: status = message_decode_heartbeat(frame, &target->heartbeat, error); break;
  default: status = message_decode_empty(frame, error); break;
  }
  return status;
}

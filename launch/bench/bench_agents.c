// What a transition costs from an actor's batch to the replay, for environments of 1, 8, 64 and 512 agents: encode,
// decode, check against the sender, insert. Beside it a copy of the same bytes.
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"
#include "launch/bench/bench.h"
#include "learner/exchange/transition_receiver.h"
#include "learner/job/job.h"

#include <stdio.h>
#include <string.h>

struct way {
  struct job job;
  struct transition_receiver *receiver;
  struct transition_batch batch; // a full one, as an actor sends it
  struct buffer bytes, copy;
};

static enum status receive(void *context, struct error *error) {
  struct way *way = context;
  struct frame frame;
  double longest_step;
  way->batch.progress[0].steps += way->batch.steps;
  enum status status = message_encode_transitions(&way->bytes, 1, &way->batch, error);
  if (status == STATUS_OK) status = frame_decode(way->bytes.data, way->bytes.size, &frame, error);
  return status == STATUS_OK ? transition_receiver_take(way->receiver, &frame, &longest_step, error) : status;
}

static enum status copy(void *context, struct error *error) {
  struct way *way = context;
  (void)error;
  memcpy(way->copy.data, way->bytes.data, way->bytes.size);
  return STATUS_OK;
}

static enum status fill(struct way *way, const struct assignment *share, uint32_t agents, struct error *error) {
  struct transition_batch *batch = &way->batch;
  const struct job *job = &way->job;
  enum status status =
      transition_batch_init(batch, job->environment.obs_dim, job->environment.act_dim, share->batch_rows, 1, 1, error);
  if (status == STATUS_OK && agents > 1) status = transition_batch_use_agents(batch, error);
  if (status == STATUS_OK && config_links_rows(&job->config, batch->obs_dim)) // each row begins an episode
    status = transition_batch_use_episodes(batch, error);
  if (status != STATUS_OK) return status;
  struct random random = random_stream(job->config.seed, RANDOM_WARMUP, 0, 0);
  batch->steps = share->batch_steps;
  batch->transitions = share->batch_transitions;
  batch->rows = share->batch_transitions;
  batch->environments = 1;
  batch->lag = (struct lag_record){.count = batch->steps};
  for (size_t i = 0; i < (size_t)batch->rows * batch->obs_dim; i++)
    batch->obs[i] = batch->next_obs[i] = (float)random_uniform(&random);
  for (size_t i = 0; i < (size_t)batch->rows * batch->act_dim; i++) batch->action[i] = (float)random_uniform(&random);
  for (uint32_t r = 0; r < batch->rows; r++) {
    batch->discount[r] = (float)job->config.gamma;
    if (batch->agent) batch->agent[r] = r % agents;
  }
  return STATUS_OK;
}

static enum status prepare(struct way *way, const struct bench *bench, uint32_t agents, struct error *error) {
  struct config config = bench->config;
  struct message_hello hello = {.environment = "agents", .obs_dim = bench->obs_dim, .act_dim = bench->act_dim};
  static const char what[] = "the agents' benchmark";
  config.envs = 1;
  config.env_steps = (uint64_t)1 << 50;
  hello.action_low = memory_alloc(bench->act_dim, sizeof(double), what, error);
  hello.action_high = memory_alloc(bench->act_dim, sizeof(double), what, error);
  hello.agents = memory_alloc(1, sizeof *hello.agents, what, error);
  if (!hello.action_low || !hello.action_high || !hello.agents) return STATUS_MEMORY;
  for (uint32_t i = 0; i < bench->act_dim; i++) hello.action_low[i] = -1, hello.action_high[i] = 1;
  hello.environments = agents > 1;
  *hello.agents = agents;
  enum status status = job_init(&way->job, &config, &hello, error);
  message_hello_release(&hello); // what job_init has not taken over
  if (status != STATUS_OK) return status;
  status = replay_reserve(way->job.replay, config.replay_capacity, error);
  const struct assignment share = assignment_with_agents(&config, 1, 0, way->job.environment.agents);
  if (status == STATUS_OK) status = fill(way, &share, agents, error);
  way->receiver = status == STATUS_OK ? transition_receiver_create(&way->job, 1, error) : NULL;
  if (!way->receiver) return error->status;
  status = receive(way, error);
  return status == STATUS_OK ? buffer_reserve(&way->copy, way->bytes.size, error) : status;
}

static enum status measure(struct bench *bench, uint32_t agents, struct error *error) {
  struct way way = {0};
  char name[BENCH_TEXT];
  snprintf(name, sizeof name, "received, %u agent%s", agents, agents == 1 ? "" : "s");
  enum status status = prepare(&way, bench, agents, error);
  const struct bench_pair pair = {name, "transitions/s", "a copy of the message", receive,
                                  copy, way.batch.rows,  way.batch.rows,          &way};
  if (status == STATUS_OK) status = bench_measure(bench, &pair, error);
  transition_receiver_destroy(way.receiver);
  transition_batch_release(&way.batch);
  buffer_release(&way.bytes);
  buffer_release(&way.copy);
  if (way.job.environments) job_release(&way.job);
  return status;
}

enum status bench_agents(struct bench *bench, struct error *error) {
  static const uint32_t agents[] = {1, 8, 64, 512};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof agents / sizeof *agents && status == STATUS_OK; i++)
    status = measure(bench, agents[i], error);
  return status;
}

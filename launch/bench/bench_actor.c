// The actor's loop (rollout and sender) beside bare environment steps with one forward of the policy.
#include "actor/rollout.h"
#include "actor/transition_sender.h"
#include "common/wire/transport_loopback.h"
#include "launch/bench/bench.h"

#include <stdio.h>
#include <string.h>

enum { NOISE_STEPS = 1024 };

struct sides {
  struct config config;
  struct environment_kind kind;
  struct policy *policy;
  uint32_t envs, obs_dim, act_dim;
  // the actor
  struct rollout *rollout;
  struct transport *ends[2]; // the learner's, which drops what it receives, and the actor's
  struct transition_sender sender;
  // the plain loop
  struct environment *bare;     // (envs)
  uint32_t *steps;              // (envs) of the episode
  float *obs, *action, *scaled; // (envs x obs_dim), (envs x act_dim), (act_dim)
  float *noise;                 // (NOISE_STEPS x envs x act_dim), drawn beforehand
  uint32_t step;
  struct mlp net;
  float *values, *cache_memory, *head; // of one forward of envs rows
  struct mlp_cache cache;
};

static enum status act(void *context, struct error *error) {
  struct sides *sides = context;
  const uint8_t *bytes;
  size_t size;
  int from;
  enum status status = rollout_step(sides->rollout, sides->policy, 1, &sides->sender.batch, error);
  if (status == STATUS_OK) status = transition_sender_poll(&sides->sender, error);
  if (status != STATUS_OK || sides->sender.credits > 0) return status;
  transition_sender_grant(&sides->sender, 1);
  return transport_receive(sides->ends[0], &from, &bytes, &size, error);
}

static enum status step_bare(struct sides *sides, uint32_t i, struct error *error) {
  struct environment *environment = &sides->bare[i];
  const struct corsac_env *abi = sides->kind.abi;
  float *obs = sides->obs + i * sides->obs_dim;
  const float *action = sides->action + i * sides->act_dim;
  double reward;
  for (uint32_t j = 0; j < sides->act_dim; j++) {
    const double low = environment->action_low[j], high = environment->action_high[j];
    sides->scaled[j] = (float)(low + (action[j] + 1) / 2 * (high - low));
  }
  int flags = abi->step(environment->self, sides->scaled, obs, &reward);
  const bool over = environment->max_episode_steps && ++sides->steps[i] >= environment->max_episode_steps;
  if (flags > 0 || over) {
    sides->steps[i] = 0;
    flags = abi->reset(environment->self, i, obs);
  }
  return flags >= 0 ? STATUS_OK : error_set(error, STATUS_FAILED, "%s: a step failed", sides->kind.id);
}

// Samples, as the actor does.
static const float *next_noise(struct sides *sides) {
  return sides->noise + (size_t)(sides->step++ % NOISE_STEPS) * sides->envs * sides->act_dim;
}

static enum status act_plainly(void *context, struct error *error) {
  struct sides *sides = context;
  enum status status = STATUS_OK;
  policy_act(sides->policy, sides->envs, sides->obs, next_noise(sides), sides->action);
  for (uint32_t i = 0; i < sides->envs && status == STATUS_OK; i++) status = step_bare(sides, i, error);
  return status;
}

static enum status choose(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  policy_act(sides->policy, sides->envs, sides->obs, next_noise(sides), sides->action);
  return STATUS_OK;
}

static enum status forward(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  mlp_forward(&sides->net, sides->values, sides->envs, sides->obs, sides->obs_dim, &sides->cache, sides->head);
  return STATUS_OK;
}

static enum status prepare_actor(struct sides *sides, struct error *error) {
  sides->rollout = rollout_create(&sides->config, &sides->kind, 0, sides->envs, error);
  if (!sides->rollout) return error->status;
  const struct assignment assignment = assignment_of(&sides->config, 1, 0);
  enum status status = transport_loopback_create(2, sides->ends, error);
  if (status == STATUS_OK)
    status = transition_sender_init(&sides->sender, &sides->config, &assignment, sides->obs_dim, sides->act_dim,
                                    sides->ends[1], error);
  sides->sender.credits = 1;
  return status;
}

static enum status prepare_plain(struct sides *sides, struct error *error) {
  static const char what[] = "the actor's benchmark";
  const uint32_t envs = sides->envs;
  sides->bare = memory_alloc(envs, sizeof *sides->bare, what, error);
  sides->steps = memory_alloc(envs, sizeof *sides->steps, what, error);
  sides->obs = memory_alloc((size_t)envs * sides->obs_dim, sizeof(float), what, error);
  sides->action = memory_alloc((size_t)envs * sides->act_dim, sizeof(float), what, error);
  sides->noise = memory_alloc((size_t)NOISE_STEPS * envs * sides->act_dim, sizeof(float), what, error);
  sides->scaled = memory_alloc(sides->act_dim, sizeof(float), what, error);
  sides->cache_memory = memory_alloc(mlp_cache_size(&sides->net, envs), sizeof(float), what, error);
  sides->head = memory_alloc((size_t)envs * sides->net.output, sizeof(float), what, error);
  if (!sides->bare || !sides->steps || !sides->obs || !sides->action || !sides->noise || !sides->scaled ||
      !sides->cache_memory || !sides->head)
    return STATUS_MEMORY;
  random_normals_at(random_stream(sides->config.seed, RANDOM_ACTOR, 0, 0), (size_t)NOISE_STEPS * envs, sides->act_dim,
                    sides->noise, sides->act_dim);
  sides->cache = mlp_cache_in(&sides->net, envs, sides->cache_memory);
  for (uint32_t i = 0; i < envs; i++) {
    enum status status = environment_create(&sides->bare[i], &sides->kind, i, false, error);
    if (status == STATUS_OK) status = environment_reset(&sides->bare[i], i, sides->obs + i * sides->obs_dim, error);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static enum status prepare(struct sides *sides, struct error *error) {
  sides->policy = policy_create(&sides->config, sides->obs_dim, sides->act_dim, error);
  if (!sides->policy) return error->status;
  struct random random = random_stream(sides->config.seed, RANDOM_INIT, 0, 0);
  policy_network(&sides->net, NULL, sides->obs_dim, sides->act_dim, &sides->config);
  sides->values = memory_alloc(sides->net.parameters, sizeof(float), "the actor's benchmark", error);
  if (!sides->values) return STATUS_MEMORY;
  mlp_init_parameters(&sides->net, sides->values, &random);
  memcpy(policy_weights(sides->policy)->values, sides->values, sides->net.parameters * sizeof(float));
  policy_weights(sides->policy)->version = 1;
  policy_weights(sides->policy)->normalize = sides->config.normalize_observations;
  const enum status status = prepare_actor(sides, error);
  return status == STATUS_OK ? prepare_plain(sides, error) : status;
}

static void release(struct sides *sides) {
  for (uint32_t i = 0; sides->bare && i < sides->envs; i++)
    if (sides->bare[i].self) environment_destroy(&sides->bare[i]);
  memory_free(sides->bare);
  memory_free(sides->steps);
  memory_free(sides->obs);
  memory_free(sides->action);
  memory_free(sides->noise);
  memory_free(sides->scaled);
  memory_free(sides->values);
  memory_free(sides->cache_memory);
  memory_free(sides->head);
  transition_sender_release(&sides->sender);
  transport_destroy(sides->ends[0]);
  transport_destroy(sides->ends[1]);
  rollout_destroy(sides->rollout);
  policy_destroy(sides->policy);
}

static enum status measure(struct bench *bench, const struct environment_kind *kind, uint32_t envs,
                           struct error *error) {
  struct sides sides = {
      .config = bench->config, .kind = *kind, .envs = envs, .obs_dim = bench->obs_dim, .act_dim = bench->act_dim};
  sides.config.envs = envs;
  char loop[BENCH_TEXT], policy[BENCH_TEXT];
  const char *plural = envs == 1 ? "" : "s";
  snprintf(loop, sizeof loop, "actor, %u environment%s", envs, plural);
  snprintf(policy, sizeof policy, "policy, %u row%s", envs, plural);
  const double steps = envs;
  const struct bench_pair pairs[] = {
      {loop, "steps/s", "bare steps and one sample of the policy", act, act_plainly, steps, steps, &sides},
      {policy, "rows/s", "one forward of these rows, unpadded", choose, forward, steps, steps, &sides},
  };
  enum status status = prepare(&sides, error);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == STATUS_OK; i++)
    status = bench_measure(bench, &pairs[i], error);
  release(&sides);
  return status;
}

enum status bench_actor(struct bench *bench, struct error *error) {
  struct environment_kind kind;
  enum status status = bench_read_environment(bench, error);
  if (status == STATUS_OK) status = environment_kind_open(&kind, bench->config.env, &bench->config, error);
  if (status != STATUS_OK) return status;
  const uint32_t given = (uint32_t)bench->config.envs;
  status = measure(bench, &kind, given ? given : 1, error);
  if (status == STATUS_OK && !given) status = measure(bench, &kind, 8, error);
  environment_kind_close(&kind);
  return status;
}

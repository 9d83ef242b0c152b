// Step, ship, drain, update and publish allocate nothing once buffers have grown to their size: an actor's parts and a
// learner's over the loopback transport. (tests/unit names a source file each; this promise has several.)
#include "actor/rollout.h"
#include "actor/transition_sender.h"
#include "actor/weights_receiver.h"
#include "common/wire/transport_loopback.h"
#include "learner/exchange/actor_table.h"
#include "learner/exchange/transition_receiver.h"
#include "learner/exchange/weights_publisher.h"
#include "tests/support/allocations.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <stdlib.h>

enum { STEPS = 500, WARM_UP = 250 }; // past an episode's end (200 steps) before counting begins

struct scene {
  struct config config;
  struct transport *ends[2]; // learner's, actor's
  // the actor
  struct environment_kind kind;
  struct rollout *rollout;
  struct policy *policy;
  struct transition_sender sender;
  struct weights_receiver weights;
  // the learner
  struct job job;
  struct actor_table table;
  struct transition_receiver *receiver;
  struct weights_publisher publisher;
};

static void scene_init(struct scene *s, const char *yaml, size_t shared) {
  *s = (struct scene){.config = peer_config(yaml)};
  const struct config *config = &s->config;
  struct message_hello hello = peer_hello();
  const struct assignment share = assignment_of(config, 1, 0);
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(2, s->ends, NULL), STATUS_OK);
  for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(s->ends[i], shared, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(environment_kind_open(&s->kind, config->env, NULL, NULL), STATUS_OK);
  s->rollout = rollout_create(config, &s->kind, share.first, share.count, NULL);
  s->policy = policy_create(config, network_input(config, PEER_OBS, PEER_ACT), PEER_ACT, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->rollout);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->policy);
  CU_ASSERT_EQUAL_FATAL(transition_sender_init(&s->sender, config, &share, PEER_OBS, PEER_ACT, s->ends[1], NULL),
                        STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(weights_receiver_init(&s->weights, s->policy, s->ends[1], NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(job_init(&s->job, config, &hello, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(actor_table_init(&s->table, config, s->ends[0], NULL), STATUS_OK);
  s->receiver = transition_receiver_create(&s->job, 1, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->receiver);
  CU_ASSERT_EQUAL_FATAL(weights_publisher_init(&s->publisher, &s->job, s->ends[0], NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  weights_publisher_release(&s->publisher);
  transition_receiver_destroy(s->receiver);
  actor_table_release(&s->table);
  job_release(&s->job);
  weights_receiver_release(&s->weights);
  transition_sender_release(&s->sender);
  policy_destroy(s->policy);
  rollout_destroy(s->rollout);
  environment_kind_close(&s->kind);
  for (int i = 0; i < 2; i++) transport_destroy(s->ends[i]);
}

// A step of every environment; the batch goes out where it is full.
static void step(struct scene *s) {
  transition_sender_grant(&s->sender, 1);
  CU_ASSERT_EQUAL(rollout_step(s->rollout, s->policy, s->weights.newest, &s->sender.batch, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(transition_sender_poll(&s->sender, NULL), STATUS_OK);
}

static void drain(struct scene *s) {
  struct frame frame;
  double longest;
  while (peer_receive(s->ends[0], &frame)) {
    if (frame.type == MESSAGE_WEIGHTS_TAKEN)
      weights_publisher_taken(&s->publisher, 0);
    else
      CU_ASSERT_EQUAL(transition_receiver_take(s->receiver, &frame, &longest, NULL), STATUS_OK);
  }
}

static void update(struct scene *s) {
  struct sac_losses losses;
  if (replay_drawable(s->job.replay) == 0) return;
  job_sample(&s->job);
  CU_ASSERT_EQUAL(sac_update(&s->job.sac, &losses, NULL), STATUS_OK);
  metrics_add_update(&s->job.metrics, &losses);
  s->job.policy_version++;
}

static void publish(struct scene *s) {
  struct frame frame;
  s->publisher.pause_until = 0; // its pauses are long on a machine that is busy with other things
  CU_ASSERT_EQUAL(weights_publisher_poll(&s->publisher, &s->job, &s->table, false, NULL), STATUS_OK);
  while (peer_receive(s->ends[1], &frame))
    CU_ASSERT_EQUAL(weights_receiver_take(&s->weights, &frame, s->policy, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(weights_receiver_poll(&s->weights, s->policy, NULL), STATUS_OK);
}

// shared weights: bytes of one, 0: versions go as messages
static void check_with(const char *yaml, size_t shared) {
  static void (*const stage[])(struct scene *) = {step, drain, update, publish};
  static const char *const name[] = {"step and ship", "drain", "update", "publish"};
  enum { STAGES = sizeof stage / sizeof *stage };
  struct scene s;
  size_t allocations[STAGES] = {0};
  const bool counted = allocations_counted(); // else it runs all the same
  const size_t before = allocations_count();
  void *volatile witness[] = {malloc(10), calloc(1, 10), aligned_alloc(64, 64)};
  void *aligned = NULL;
  CU_ASSERT_EQUAL(posix_memalign(&aligned, 64, 64), 0);
  free(aligned);
  for (int i = 0; i < 3; i++) free(witness[i]);
  CU_ASSERT_EQUAL(allocations_count(), before + (counted ? 4 : 0)); // or the counter does not work
  scene_init(&s, yaml, shared);
  for (int i = 0; i < STEPS; i++) {
    for (int k = 0; k < STAGES; k++) {
      const size_t start = allocations_count();
      stage[k](&s);
      if (i >= WARM_UP) allocations[k] += allocations_count() - start;
    }
  }
  CU_ASSERT_TRUE(s.job.sac.updates > WARM_UP);
  CU_ASSERT_TRUE(policy_version(s.policy) > WARM_UP); // all of it took place
  CU_ASSERT_TRUE(s.job.episodes >= 2);
  for (int k = 0; k < STAGES; k++) {
    if (allocations[k] > 0) printf("%s: %zu allocations in '%s'\n", yaml, allocations[k], name[k]);
    CU_ASSERT_EQUAL(allocations[k], 0);
  }
  scene_release(&s);
}

static void check(const char *yaml) { check_with(yaml, 0); }
static void test_shared_weights(void) { check_with("envs: 2\nsend_steps: 4\nnormalize_observations: true\n", 1 << 20); }
static void test_plain(void) { check("envs: 1\nsend_steps: 4\n"); }
static void test_tiles(void) { check("envs: 1\nsend_steps: 4\nbackend: tiles\nhidden: 64,64\n"); }
static void test_blas(void) { check("envs: 1\nsend_steps: 4\nbackend: openblas\nhidden: 64,64\n"); }
static void test_everything(void) {
  check("envs: 8\nsend_steps: 16\nn_step: 3\nnormalize_observations: true\ncritics: 3\ntarget_subset: 2\n"
        "critic_layer_norm: true\nlearner_threads: 2\n");
}

static void test_history(void) {
  check("envs: 4\nsend_steps: 8\nhistory: 4\nn_step: 3\nnormalize_observations: true\nreplay_capacity: 600\n");
}

// All parts of recipes, on layers and on residual blocks.
#define PARTS                                                                                                          \
  "envs: 2\nsend_steps: 4\ncritic_norm: batch\npolicy_norm: batch\ncritic_loss: categorical\nunit_weights: true\n"     \
  "init: orthogonal\nlr_schedule: cosine\nlr_final: 0.5\nalpha_start: 0.01\ntarget_entropy: -0.5n\nnoise_hold: 16\n"   \
  "gradient_clip: 1\npolicy_delay: 2\nlearner_threads: 2\n"
static void test_parts(void) { check(PARTS "normalize_rewards: deviation\n"); }
static void test_residual_parts(void) {
  check(PARTS "network: residual\noutput_norm: rms\npolicy_joint: true\npolicy_first: true\nlog_std_form: tanh\n"
              "log_std_min: -10\nnormalize_rewards: bounded\n");
}

int main(void) {
  static const struct unit_case cases[] = {
      {"every part of a recipe allocates nothing", test_parts},
      {"every part on residual blocks allocates nothing", test_residual_parts},
      {"a history allocates nothing, while its replay goes round", test_history},
      {"one environment allocates nothing", test_plain},
      {"weights from shared memory allocate nothing", test_shared_weights},
      {"an update on tiles allocates nothing", test_tiles},
      {"an update on OpenBLAS allocates nothing", test_blas},
      {"several environments, n-step, normalizer and two threads allocate nothing", test_everything}};
  return unit_run("no allocation", cases, sizeof cases / sizeof *cases);
}

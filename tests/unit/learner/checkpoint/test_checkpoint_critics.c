#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/checkpoint_critics.h"

#include "launch/policy/reference_networks.h"
#include "learner/storage/policy_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
  struct job job;
  struct checkpoint_info info;
  char *directory, *path, *best;
};

static void setup(struct fixture *f, bool norm) {
  struct config config = small_config();
  config.critic_layer_norm = norm;
  small_job_init(&f->job, &config);
  small_job_fill(&f->job, 3, 5);
  f->directory = unit_tmpdir();
  f->path = unit_path(f->directory, "ckpt-1.h5");
  CU_ASSERT_EQUAL_FATAL(checkpoint_write(f->path, &f->job, CHECKPOINT_ALL, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_info(f->path, &f->info, NULL), STATUS_OK);
}

static void teardown(struct fixture *f) {
  checkpoint_info_release(&f->info);
  job_release(&f->job);
  unit_tmpdir_remove(f->directory);
  free(f->path);
}

static void test_critics(void) {
  for (int norm = 0; norm < 2; norm++) {
    struct fixture f;
    struct checkpoint_critics critics;
    setup(&f, norm);
    const struct critics *own = &f.job.sac.critics;
    CU_ASSERT_EQUAL_FATAL(checkpoint_read_critics(f.path, &f.info, &f.job.config, &critics, NULL), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(critics.count, own->count);
    const size_t size = critics.net.parameters;
    CU_ASSERT_EQUAL_FATAL(size, mlp_dense_size(&own->net));
    float *dense = malloc(size * sizeof *dense);
    for (uint32_t k = 0; k < critics.count; k++) {
      mlp_export(&own->net, own->parameters + k * own->net.parameters, dense);
      CU_ASSERT_EQUAL(memcmp(dense, critics.parameters + k * size, size * sizeof *dense), 0);
    }
    if (f.job.config.alpha.is_auto) CU_ASSERT_EQUAL(critics.alpha, exp(f.job.sac.log_alpha));
    free(dense);
    checkpoint_critics_release(&critics);
    f.job.config.critics++; // the file has fewer than the configuration says
    struct error error = {0};
    CU_ASSERT_NOT_EQUAL(checkpoint_read_critics(f.path, &f.info, &f.job.config, &critics, &error), STATUS_OK);
    CU_ASSERT_TRUE(error_says(&error, "critics/"));
    f.job.config.critics--;
    teardown(&f);
  }
}

// reference_networks.h: the minimum is one of the critics', and its gradient the central difference's.
static void test_networks(void) {
  struct fixture f;
  struct reference_networks networks;
  struct policy_weights weights;
  struct message_hello hello;
  setup(&f, false);
  CU_ASSERT_EQUAL_FATAL(checkpoint_read_policy(f.path, &f.info, &f.job.config, &weights, &hello, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(reference_networks_read(&networks, f.path, &f.info, &f.job.config, &weights, NULL), STATUS_OK);
  const float obs[SMALL_OBS] = {0.3f, -0.2f, 0.9f};
  double action[SMALL_ACT] = {0.1, -0.4}, gradient[SMALL_ACT], least = INFINITY, head[2 * SMALL_ACT];
  reference_networks_observe(&networks, obs);
  reference_networks_head(&networks, head);
  for (uint32_t k = 0; k < networks.critics; k++) least = fmin(least, reference_networks_q(&networks, k, action));
  CU_ASSERT_EQUAL(reference_networks_minimum(&networks, action, gradient), least);
  for (int i = 0; i < SMALL_ACT; i++) {
    const double h = 1e-6, at = action[i];
    action[i] = at + h;
    const double above = reference_networks_minimum(&networks, action, NULL);
    action[i] = at - h;
    const double below = reference_networks_minimum(&networks, action, NULL);
    action[i] = at;
    CU_ASSERT_DOUBLE_EQUAL(gradient[i], (above - below) / (2 * h), 1e-6 * fmax(1, fabs(gradient[i])));
  }
  // The head is what acts.
  struct policy *policy = policy_create(&f.job.config, SMALL_OBS, SMALL_ACT, NULL);
  float acted[SMALL_ACT];
  CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
  policy_weights_copy(policy_weights(policy), &weights);
  policy_act(policy, 1, obs, NULL, acted);
  for (int i = 0; i < SMALL_ACT; i++) CU_ASSERT_DOUBLE_EQUAL(tanh(head[i]), (double)acted[i], 1e-5);
  policy_destroy(policy);
  reference_networks_release(&networks);
  policy_weights_release(&weights);
  message_hello_release(&hello);
  teardown(&f);
}

int main(void) {
  static const struct unit_case cases[] = {{"the critics are those that were saved", test_critics},
                                           {"the networks in double, and the gradient of min Q", test_networks}};
  return unit_run("checkpoint_critics", cases, sizeof cases / sizeof *cases);
}

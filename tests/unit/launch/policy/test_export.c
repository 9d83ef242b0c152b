// A policy acts in the same way in every form that it leaves in: what actors have, a checkpoint, best.h5, an .npz, the
// library. And that is the way of the policy that is trained, by its running statistics.
#include "launch/policy/export.h"
#include "common/nn/action_range.h"
#include "common/nn/linalg.h"
#include "launch/library/policy.h"
#include "launch/policy/mlp_f64.h"
#include "launch/policy/reference_networks.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/storage/npz.h"
#include "learner/storage/policy_checkpoint.h"
#include "learner/storage/policy_file.h"
#include "learner/storage/policy_npz.h"
#include "tests/support/reference.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 200 };

struct fixture {
  struct config config;
  struct job job;
  struct policy *policy; // as an actor has it
  struct trained_policy trained;
  char *directory, *checkpoint, *best, *npz;
  float obs[ROWS][SMALL_OBS], eps[ROWS][SMALL_ACT];
};

// cos, sin and speed, as Pendulum's observations are.
static void observe(struct fixture *f) {
  struct numbers numbers = {9};
  for (int r = 0; r < ROWS; r++) {
    const double angle = 3.14159 * numbers_uniform(&numbers);
    f->obs[r][0] = (float)cos(angle);
    f->obs[r][1] = (float)sin(angle);
    f->obs[r][2] = (float)(8 * numbers_uniform(&numbers));
    for (int i = 0; i < SMALL_ACT; i++) f->eps[r][i] = (float)numbers_uniform(&numbers);
  }
}

static void write_npz(const struct fixture *f) {
  struct error error = {0};
  struct buffer file = {0};
  UNIT_STATUS_FATAL(policy_npz_format(&f->trained, &file, &error), STATUS_OK, &error);
  unit_write_file(f->npz, file.data, file.size);
  buffer_release(&file);
}

static void setup(struct fixture *f, enum small_kind kind) {
  struct error error = {0};
  f->config = small_config_of(kind);
  f->directory = unit_tmpdir();
  f->checkpoint = unit_path(f->directory, "ckpt-1.h5");
  f->best = unit_path(f->directory, "best.h5");
  f->npz = unit_path(f->directory, "policy.npz");
  small_job_init(&f->job, &f->config);
  small_job_fill(&f->job, 3, 12);
  f->policy = policy_create(&f->config, SMALL_OBS, SMALL_ACT, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(f->policy);
  job_export_policy(&f->job, policy_weights(f->policy));
  UNIT_STATUS_FATAL(checkpoint_write(f->checkpoint, &f->job, CHECKPOINT_ALL, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_write_policy(f->best, &f->job,
                                            &(struct checkpoint_policy){.weights = policy_weights(f->policy),
                                                                        .normalizer = &f->job.normalizer,
                                                                        .env_steps = 5},
                                            &error),
                    STATUS_OK, &error);
  UNIT_STATUS_FATAL(policy_file_read(f->checkpoint, &f->trained, &error), STATUS_OK, &error);
  write_npz(f);
  observe(f);
}

static void teardown(struct fixture *f) {
  trained_policy_release(&f->trained);
  policy_destroy(f->policy);
  job_release(&f->job);
  unit_tmpdir_remove(f->directory);
  free(f->checkpoint);
  free(f->best);
  free(f->npz);
}

// --- the policy that is trained, in double, by its definition ---

// Where a batch norm's arrays begin.
struct norm {
  const double *scale, *shift, *mean, *variance;
};

static void batch_norm(const struct norm *norm, size_t width, double epsilon, double *x) {
  for (size_t i = 0; i < width; i++)
    x[i] = norm->scale[i] * (x[i] - norm->mean[i]) / sqrt(norm->variance[i] + epsilon) + norm->shift[i];
}

enum { MOST = 64 };

// The mean of the action's distribution, after tanh. net is dense.
static void act_unfolded(const struct mlp *net, const double *parameters, const double *statistics, const double *obs,
                         double *action) {
  double h[MLP_MAX_LAYERS + 1][MOST]; // h[0]: the input, h[l + 1]: of layer l
  memcpy(h[0], obs, net->input * sizeof *obs);
  const double epsilon = net->residual ? 1e-5 : 1e-3;
  const struct norm input = {parameters + net->input_scale, parameters + net->input_shift, statistics + net->input_mean,
                             statistics + net->input_variance};
  if (net->batch) batch_norm(&input, net->input, epsilon, h[0]);
  for (uint32_t l = 0; l < net->layers; l++) {
    const struct mlp_layer *layer = &net->layer[l];
    double *x = h[l], *y = h[l + 1], square = 0;
    if (net->rms && l + 1 == net->layers) {
      for (uint32_t i = 0; i < layer->in; i++) square += x[i] * x[i] / layer->in;
      for (uint32_t i = 0; i < layer->in; i++) x[i] *= parameters[net->gain + i] / sqrt(square + 1e-8);
    }
    for (uint32_t o = 0; o < layer->out; o++) {
      y[o] = layer->biased ? parameters[layer->bias + o] : 0;
      for (uint32_t i = 0; i < layer->in; i++) y[o] += parameters[layer->weight + (size_t)o * layer->in + i] * x[i];
    }
    const struct norm own = {parameters + layer->norm_scale, parameters + layer->norm_shift, statistics + layer->mean,
                             statistics + layer->variance};
    if (layer->norm == MLP_NORM_BATCH) batch_norm(&own, layer->out, epsilon, y);
    for (uint32_t o = 0; o < layer->out; o++) {
      if (layer->relu) y[o] = fmax(y[o], 0);
      if (layer->block_end) y[o] += h[l - 1][o];
    }
  }
  for (uint32_t i = 0; i < net->output / 2; i++) action[i] = tanh(h[net->layers][i]);
}

// A float network of numbers near 1 is right to some 1e-7; the worst of all rows is asked for.
static void check_folded(enum small_kind kind) {
  struct fixture f;
  setup(&f, kind);
  const struct sac *sac = &f.job.sac;
  const struct mlp net = mlp_dense(&sac->policy_net);
  const struct policy_weights *weights = policy_weights(f.policy);
  float *dense = malloc(net.parameters * sizeof *dense);
  double *parameters = malloc(net.parameters * sizeof *parameters), worst = 0, most = 0;
  double *statistics = malloc((net.statistics + 1) * sizeof *statistics);
  mlp_export(&sac->policy_net, sac->policy, dense);
  for (size_t i = 0; i < net.parameters; i++) parameters[i] = (double)dense[i];
  for (size_t i = 0; i < net.statistics; i++) statistics[i] = (double)sac->policy_statistics[i];
  for (int r = 0; r < ROWS; r++) {
    float acted[SMALL_ACT];
    double obs[SMALL_OBS], action[SMALL_ACT];
    for (int i = 0; i < SMALL_OBS; i++) {
      const float z = (f.obs[r][i] - weights->shift[i]) * weights->scale[i];
      obs[i] = fmin(fmax((double)z, -NORMALIZER_CLIP), NORMALIZER_CLIP);
    }
    policy_act(f.policy, 1, f.obs[r], NULL, acted);
    act_unfolded(&net, parameters, statistics, obs, action);
    for (int i = 0; i < SMALL_ACT; i++) worst = fmax(worst, fabs(action[i] - (double)acted[i]));
    for (int i = 0; i < SMALL_ACT; i++) most = fmax(most, fabs(action[i]));
  }
  if (!(worst < 1e-6)) fprintf(stderr, "  networks of kind %d: off by %g\n", kind, worst);
  CU_ASSERT_TRUE(worst < 1e-6);
  CU_ASSERT_TRUE(most > 0.1);
  free(dense);
  free(parameters);
  free(statistics);
  teardown(&f);
}

static void test_folded(void) {
  for (int kind = 0; kind < SMALL_KINDS; kind++) check_folded((enum small_kind)kind);
}

// --- files ---

static void check_library(struct fixture *f, const char *path) {
  char why[1024];
  struct corsac_policy *policy = corsac_policy_load(path, why, sizeof why);
  CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
  void *scratch = malloc(corsac_policy_scratch_size(policy));
  const double *low = corsac_policy_action_low(policy), *high = corsac_policy_action_high(policy);
  bool same = true;
  for (int r = 0; r < ROWS; r++) {
    float unit[SMALL_ACT], action[SMALL_ACT], eps[SMALL_ACT];
    const bool drawn = r % 2;
    random_normals_at(random_stream(3, RANDOM_ACTOR, 0, (uint64_t)r), 1, SMALL_ACT, eps, SMALL_ACT);
    policy_act(f->policy, 1, f->obs[r], drawn ? eps : NULL, unit);
    const int failed = drawn ? corsac_policy_sample(policy, f->obs[r], 3, (uint64_t)r, action, scratch)
                             : corsac_policy_act(policy, f->obs[r], action, scratch);
    CU_ASSERT_EQUAL(failed, 0);
    for (int i = 0; i < SMALL_ACT; i++) same &= action[i] == action_scaled(unit[i], low[i], high[i]);
  }
  CU_ASSERT_TRUE(same);
  free(scratch);
  corsac_policy_free(policy);
}

static void test_library(void) {
  for (int kind = 0; kind < SMALL_KINDS; kind++) {
    struct fixture f;
    setup(&f, (enum small_kind)kind);
    check_library(&f, f.checkpoint);
    check_library(&f, f.best);
    check_library(&f, f.npz);
    teardown(&f);
  }
}

// The arrays of an .npz, and its format.
static void test_npz(void) {
  static const bool newer[SMALL_KINDS] = {[SMALL_RESIDUAL_BATCH] = true, [SMALL_RESIDUAL] = true};
  for (int kind = 0; kind < SMALL_KINDS; kind++) {
    struct fixture f;
    struct trained_policy again;
    struct error error = {0};
    struct npz npz;
    uint64_t format = 0;
    setup(&f, (enum small_kind)kind);
    UNIT_STATUS_FATAL(npz_open(&npz, f.npz, &error), STATUS_OK, &error);
    UNIT_STATUS(npz_read(&npz, "corsac_policy", NPZ_U64, 1, 0, &format, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(format, newer[kind] ? POLICY_NPZ_NETWORK : POLICY_NPZ_PLAIN);
    CU_ASSERT_EQUAL(npz_has(&npz, "network"), newer[kind]);
    CU_ASSERT_EQUAL(npz_has(&npz, "rms.gain"), newer[kind]);
    CU_ASSERT_EQUAL(npz_has(&npz, "layer0.bias"), kind != SMALL_RESIDUAL);
    CU_ASSERT_EQUAL(npz_has(&npz, "log_std_form"), kind == SMALL_RESIDUAL_BATCH);
    CU_ASSERT_EQUAL(npz_has(&npz, "log_std_min"), kind == SMALL_DENSE_BATCH || kind == SMALL_RESIDUAL_BATCH);
    npz_release(&npz);
    UNIT_STATUS_FATAL(policy_file_read(f.npz, &again, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(again.form.low, f.trained.form.low);
    CU_ASSERT_EQUAL(again.form.high, f.trained.form.high);
    CU_ASSERT_EQUAL(again.form.smooth, f.trained.form.smooth);
    CU_ASSERT_EQUAL(again.net.residual, f.trained.net.residual);
    CU_ASSERT_EQUAL_FATAL(again.weights.parameters, f.trained.weights.parameters);
    CU_ASSERT_EQUAL(memcmp(again.weights.values, f.trained.weights.values, again.weights.parameters * sizeof(float)),
                    0);
    CU_ASSERT_EQUAL(again.frame_skip, 1);
    trained_policy_release(&again);
    f.trained.frame_skip = 4;
    write_npz(&f);
    UNIT_STATUS_FATAL(policy_file_read(f.npz, &again, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(again.frame_skip, 4);
    trained_policy_release(&again);
    f.trained.frame_skip = 2000000;
    write_npz(&f);
    UNIT_STATUS(policy_file_read(f.npz, &again, &error), STATUS_FORMAT, &error);
    CU_ASSERT(error_says(&error, "frame_skip is 2000000, not 1 to 1000000"));
    error_clear(&error);
    teardown(&f);
  }
}

// --- the networks in double ---

// The slope of the mean is that of central differences.
static void check_slope(struct reference_networks *networks) {
  double head[2 * SMALL_ACT], above[2 * SMALL_ACT], below[2 * SMALL_ACT], slope[SMALL_OBS];
  const double h = 1e-6;
  reference_networks_slope(networks, head, slope);
  for (int j = 0; j < SMALL_OBS; j++) {
    const double at = networks->input[j];
    double square = 0;
    networks->input[j] = at + h;
    reference_networks_head(networks, above);
    networks->input[j] = at - h;
    reference_networks_head(networks, below);
    networks->input[j] = at;
    for (int i = 0; i < SMALL_ACT; i++) square += pow((above[i] - below[i]) / (2 * h), 2);
    CU_ASSERT_DOUBLE_EQUAL(slope[j], sqrt(square), 1e-6 * fmax(1, slope[j]));
  }
}

// The head is what acts, and min Q's gradient by the action is its central difference's.
static void check_reference(enum small_kind kind) {
  struct fixture f;
  struct checkpoint_info info;
  struct policy_weights weights;
  struct message_hello hello;
  struct reference_networks networks;
  struct error error = {0};
  setup(&f, kind);
  UNIT_STATUS_FATAL(checkpoint_read_info(f.checkpoint, &info, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(checkpoint_read_policy(f.checkpoint, &info, &f.config, &weights, &hello, &error), STATUS_OK,
                    &error);
  UNIT_STATUS_FATAL(reference_networks_read(&networks, f.checkpoint, &info, &f.config, &weights, &error), STATUS_OK,
                    &error);
  for (int r = 0; r < 20; r++) {
    double head[2 * SMALL_ACT], gradient[SMALL_ACT], action[SMALL_ACT] = {0.1, -0.4};
    float acted[SMALL_ACT];
    reference_networks_observe(&networks, f.obs[r]);
    reference_networks_head(&networks, head);
    policy_act(f.policy, 1, f.obs[r], NULL, acted);
    for (int i = 0; i < SMALL_ACT; i++) CU_ASSERT_DOUBLE_EQUAL(tanh(head[i]), (double)acted[i], 1e-5);
    check_slope(&networks);
    reference_networks_minimum(&networks, action, gradient);
    for (int i = 0; i < SMALL_ACT; i++) {
      const double h = 1e-6, at = action[i];
      action[i] = at + h;
      const double above = reference_networks_minimum(&networks, action, NULL);
      action[i] = at - h;
      const double below = reference_networks_minimum(&networks, action, NULL);
      action[i] = at;
      CU_ASSERT_DOUBLE_EQUAL(gradient[i], (above - below) / (2 * h), 1e-6 * fmax(1, fabs(gradient[i])));
    }
  }
  reference_networks_release(&networks);
  policy_weights_release(&weights);
  message_hello_release(&hello);
  checkpoint_info_release(&info);
  teardown(&f);
}

static void test_reference(void) {
  for (int kind = 0; kind < SMALL_KINDS; kind++) check_reference((enum small_kind)kind);
}

// Their Q is that of the critics that the policy's gradient goes through in training.
static void test_critics(void) {
  for (int kind = 0; kind < SMALL_KINDS; kind++) {
    struct fixture f;
    struct checkpoint_critics critics;
    struct checkpoint_info info;
    struct error error = {0};
    setup(&f, (enum small_kind)kind);
    UNIT_STATUS_FATAL(checkpoint_read_info(f.checkpoint, &info, &error), STATUS_OK, &error);
    UNIT_STATUS_FATAL(checkpoint_read_critics(f.checkpoint, &info, &f.config, &critics, &error), STATUS_OK, &error);
    const struct critics *own = &f.job.sac.critics;
    float *dense = malloc(critics.net.parameters * sizeof *dense);
    CU_ASSERT_EQUAL_FATAL(critics.net.parameters, mlp_dense_size(&own->folded_net));
    for (uint32_t k = 0; k < own->count; k++) {
      critics_fold(own, k); // an update does so when it needs them
      mlp_export(&own->folded_net, own->folded + k * own->folded_net.parameters, dense);
      bool same = true; // but for the order of a sum
      for (size_t i = 0; i < critics.net.parameters; i++)
        same &=
            fabsf(dense[i] - critics.parameters[k * critics.net.parameters + i]) <= 1e-6f * fmaxf(1, fabsf(dense[i]));
      CU_ASSERT_TRUE(same);
    }
    free(dense);
    checkpoint_critics_release(&critics);
    checkpoint_info_release(&info);
    teardown(&f);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"what acts is what is trained, by its running statistics, to 1e-6", test_folded},
      {"the library acts as actors do, bit for bit, from a checkpoint, a best.h5 and an .npz", test_library},
      {"an .npz says what its network is like, and reads back to the same policy", test_npz},
      {"the networks in double act likewise, and have the gradient of min Q", test_reference},
      {"the critics of a checkpoint are the folded ones of training", test_critics},
  };
  linalg_init();
  return unit_run("export", cases, sizeof cases / sizeof *cases);
}

// A policy is the same from a checkpoint, a best.h5, a run directory and an .npz; initial_policy puts it into a new
// job.
#include "learner/storage/policy_file.h"
#include "common/nn/mlp_sphere.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/initial_policy.h"
#include "learner/storage/npz.h"
#include "learner/storage/policy_npz.h"
#include "tests/support/small_checkpoint.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HISTORY = 3, WIDTH = HISTORY * SMALL_OBS + (HISTORY - 1) * SMALL_ACT };

static char *directory, *checkpoint, *npz;

// And clears it for the next one.
static void prepare(void) {
  const struct config config = small_config();
  struct job job;
  struct error error = {0};
  struct trained_policy policy;
  struct buffer file = {0};
  directory = unit_tmpdir();
  checkpoint = unit_path(directory, "ckpt-100.h5");
  npz = unit_path(directory, "policy.npz");
  small_job_init(&job, &config);
  small_job_fill(&job, 5, 12);
  if (checkpoint_write(checkpoint, &job, CHECKPOINT_ALL, &error) != STATUS_OK ||
      policy_file_read(checkpoint, &policy, &error) != STATUS_OK ||
      policy_npz_format(&policy, &file, &error) != STATUS_OK) {
    fprintf(stderr, "%s\n", error.text);
    exit(1);
  }
  unit_write_file(npz, file.data, file.size);
  buffer_release(&file);
  trained_policy_release(&policy);
  job_release(&job);
}

static void test_job(void) {
  const struct config config = small_config();
  struct job job;
  struct policy_weights weights;
  struct trained_policy policy;
  struct error error = {0};
  small_job_init(&job, &config);
  small_job_fill(&job, 5, 12);
  UNIT_STATUS(policy_weights_init(&weights, SMALL_OBS, mlp_dense_size(&job.sac.policy_net), &error), STATUS_OK, &error);
  job_export_policy(&job, &weights);
  UNIT_STATUS_FATAL(policy_file_read(checkpoint, &policy, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(policy.obs_dim, SMALL_OBS);
  CU_ASSERT_EQUAL(policy.act_dim, SMALL_ACT);
  CU_ASSERT_TRUE(policy.weights.normalize);
  CU_ASSERT_EQUAL(policy.weights.parameters, weights.parameters);
  CU_ASSERT_EQUAL(memcmp(policy.weights.values, weights.values, weights.parameters * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(policy.weights.scale, weights.scale, SMALL_OBS * sizeof(float)), 0);
  CU_ASSERT_STRING_EQUAL(policy.environment, "Small-v0");
  CU_ASSERT_EQUAL(policy.action_low[1], -2.5);
  CU_ASSERT_EQUAL(policy.action_high[0], 2.25);
  CU_ASSERT_EQUAL(policy.env_steps, job.limiter.steps);
  trained_policy_release(&policy);
  policy_weights_release(&weights);
  job_release(&job);
}

static bool equal(const struct trained_policy *a, const struct trained_policy *b) {
  const size_t input = a->net.input * sizeof(float), act = a->act_dim * sizeof(double);
  return a->obs_dim == b->obs_dim && a->act_dim == b->act_dim && a->env_steps == b->env_steps &&
         a->history.length == b->history.length && a->history.obs_dim == b->history.obs_dim &&
         (a->history.length == 1 || a->history.actions == b->history.actions) &&
         memcmp(&a->net, &b->net, sizeof a->net) == 0 && a->form.low == b->form.low && a->form.high == b->form.high &&
         a->form.smooth == b->form.smooth && a->weights.normalize == b->weights.normalize &&
         a->weights.parameters == b->weights.parameters &&
         memcmp(a->weights.values, b->weights.values, a->weights.parameters * sizeof(float)) == 0 &&
         memcmp(a->weights.shift, b->weights.shift, input) == 0 &&
         memcmp(a->weights.scale, b->weights.scale, input) == 0 && a->normalizer.count == b->normalizer.count &&
         memcmp(a->normalizer.m2, b->normalizer.m2, a->obs_dim * sizeof(double)) == 0 &&
         memcmp(a->action_low, b->action_low, act) == 0 && memcmp(a->action_high, b->action_high, act) == 0 &&
         strcmp(a->environment, b->environment) == 0;
}

static void test_alike(void) {
  struct trained_policy a, b;
  struct error error = {0};
  UNIT_STATUS_FATAL(policy_file_read(checkpoint, &a, &error), STATUS_OK, &error);
  UNIT_STATUS_FATAL(policy_file_read(npz, &b, &error), STATUS_OK, &error);
  CU_ASSERT(equal(&a, &b));
  trained_policy_release(&b);
  UNIT_STATUS_FATAL(policy_file_read(directory, &b, &error), STATUS_OK, &error);
  CU_ASSERT(equal(&a, &b));
  CU_ASSERT_STRING_EQUAL(b.file, checkpoint);
  trained_policy_release(&b);
  trained_policy_release(&a);
}

static void refused(const char *path, enum status status, const char *text) {
  struct trained_policy policy;
  struct error error = {0};
  CU_ASSERT_EQUAL(policy_file_read(path, &policy, &error), status);
  CU_ASSERT(error_said(&error, text));
  trained_policy_release(&policy);
}

// An .npz in which one thing of a policy is wrong.
static void refused_npz(void (*spoil)(struct trained_policy *), const char *text) {
  struct trained_policy policy;
  struct error error = {0};
  struct buffer file = {0};
  char *path = unit_path(directory, "spoilt.npz");
  UNIT_STATUS_FATAL(policy_file_read(npz, &policy, &error), STATUS_OK, &error);
  spoil(&policy);
  UNIT_STATUS(policy_npz_format(&policy, &file, &error), STATUS_OK, &error);
  unit_write_file(path, file.data, file.size);
  refused(path, STATUS_FORMAT, text);
  buffer_release(&file);
  trained_policy_release(&policy);
  free(path);
}

static void spoil_weight(struct trained_policy *policy) { policy->weights.values[7] = NAN; }
static void spoil_bounds(struct trained_policy *policy) { policy->action_high[1] = policy->action_low[1]; }
static void spoil_difference(struct trained_policy *policy) {
  policy->action_low[0] = -1.7e308;
  policy->action_high[0] = 1.7e308;
}
static void spoil_variance(struct trained_policy *policy) { policy->normalizer.m2[1] = -1e-12; }
static void spoil_normalizer(struct trained_policy *policy) { policy->normalizer.mean[2] = INFINITY; }

static void test_refused(void) {
  char *nowhere = unit_path(directory, "nowhere.h5"), *text = unit_path(directory, "text.h5"),
       *other = unit_path(directory, "other.npz");
  struct npz file;
  struct error error = {0};
  unit_write_file(text, "hello", 5);
  npz_begin(&file);
  UNIT_STATUS(npz_add(&file, "x", NPZ_FLOAT, 0, 0, &(float){1}, &error), STATUS_OK, &error);
  UNIT_STATUS(npz_end(&file, &error), STATUS_OK, &error);
  unit_write_file(other, file.file.data, file.file.size);
  refused(nowhere, STATUS_IO, "nowhere.h5: cannot be opened");
  CU_ASSERT_EQUAL(mkfifo(nowhere, 0600), 0);
  refused(nowhere, STATUS_IO, "nowhere.h5: is a pipe, not a file");
  unlink(nowhere);
  refused(text, STATUS_FORMAT, "text.h5: is damaged, or no HDF5 file");
  refused(other, STATUS_FORMAT, "is an .npz, but no policy of corsac");
  refused_npz(spoil_weight, "a weight of the policy is nan");
  refused_npz(spoil_bounds, "the bounds of action 1 are [-2.5, -2.5]");
  refused_npz(spoil_difference, "the bounds of action 0 are [-1.7e+308, 1.7e+308]");
  refused_npz(spoil_normalizer, "the normalizer's component 2 is not finite");
  refused_npz(spoil_variance, "the normalizer's component 1 is not finite, or its variance negative");
  npz_release(&file);
  free(nowhere);
  free(text);
  free(other);
}

// --- with a history ---

static void read_history(const char *path, bool actions, struct trained_policy *policy) {
  struct error error = {0};
  small_policy_write(path, HISTORY, actions);
  UNIT_STATUS_FATAL(policy_file_read(path, policy, &error), STATUS_OK, &error);
}

// Each observation of an input has the statistics of the normalizer, an action has none.
static void check_statistics(const struct trained_policy *policy) {
  float shift[SMALL_OBS], scale[SMALL_OBS];
  normalizer_export(&policy->normalizer, shift, scale);
  for (uint32_t t = 0; t < HISTORY; t++) {
    const uint32_t at = history_offset(&policy->history, t);
    CU_ASSERT_EQUAL(memcmp(policy->weights.shift + at, shift, sizeof shift), 0);
    CU_ASSERT_EQUAL(memcmp(policy->weights.scale + at, scale, sizeof scale), 0);
    for (uint32_t i = at + SMALL_OBS; policy->history.actions && i < at + SMALL_OBS + SMALL_ACT && i < WIDTH; i++) {
      CU_ASSERT_EQUAL(policy->weights.shift[i], 0);
      CU_ASSERT_EQUAL(policy->weights.scale[i], 1);
    }
  }
}

static void test_history(void) {
  char *best = unit_path(directory, "best.h5"), *other = unit_path(directory, "other.npz");
  for (int actions = 0; actions < 2; actions++) {
    struct trained_policy policy, again;
    struct buffer file = {0};
    struct error error = {0};
    uint64_t format = 0;
    struct npz read;
    read_history(best, actions, &policy);
    CU_ASSERT_EQUAL(policy.obs_dim, SMALL_OBS);
    CU_ASSERT_EQUAL(policy.history.length, HISTORY);
    CU_ASSERT_EQUAL(policy.history.actions, actions);
    CU_ASSERT_EQUAL_FATAL(policy.net.input, actions ? WIDTH : HISTORY * SMALL_OBS);
    CU_ASSERT_EQUAL(policy.normalizer.dim, SMALL_OBS);
    check_statistics(&policy);
    UNIT_STATUS_FATAL(policy_npz_format(&policy, &file, &error), STATUS_OK, &error);
    unit_write_file(other, file.data, file.size);
    UNIT_STATUS_FATAL(policy_file_read(other, &again, &error), STATUS_OK, &error);
    CU_ASSERT(equal(&policy, &again));
    UNIT_STATUS_FATAL(npz_open(&read, other, &error), STATUS_OK, &error);
    UNIT_STATUS(npz_read(&read, "corsac_policy", NPZ_U64, 1, 0, &format, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(format, POLICY_NPZ_HISTORY); // which no older program reads
    npz_release(&read);
    trained_policy_release(&again);
    trained_policy_release(&policy);
    buffer_release(&file);
  }
  unlink(best);
  free(best);
  free(other);
}

static void spoil_history(struct trained_policy *policy) {
  policy->history = (struct history){2, SMALL_OBS, SMALL_ACT, true};
}

static void test_history_refused(void) {
  refused_npz(spoil_history, "history 2, history_actions 1 and obs_dim 3 do not make the 3 inputs of layer0.weight");
}

// --- initial_policy ---

static void test_initial(void) {
  struct config config = small_config();
  struct job job;
  struct trained_policy policy;
  struct policy_weights weights;
  struct error error = {0};
  small_job_init(&job, &config);
  UNIT_STATUS_FATAL(policy_file_read(npz, &policy, &error), STATUS_OK, &error);
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_OK, &error);
  UNIT_STATUS(policy_weights_init(&weights, SMALL_OBS, mlp_dense_size(&job.sac.policy_net), &error), STATUS_OK, &error);
  job_export_policy(&job, &weights);
  CU_ASSERT_EQUAL(memcmp(policy.weights.values, weights.values, weights.parameters * sizeof(float)), 0);
  CU_ASSERT_EQUAL(memcmp(policy.weights.scale, weights.scale, SMALL_OBS * sizeof(float)), 0);
  CU_ASSERT_EQUAL(job.normalizer.count, policy.normalizer.count);
  CU_ASSERT_EQUAL(job.policy_version, 1); // it acts from the first step on

  job.sac.policy_net.hidden[0]++;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "leave --hidden out, or give --hidden"));
  job.sac.policy_net.hidden[0]--;

  // A clamp may have other bounds, a tanh may not.
  policy.form.low = -10;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_OK, &error);
  policy.form.smooth = true;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "has log_std_form tanh from -10 to 2, this run is to have clamp from -20 to 2"));
  job.sac.log_std.smooth = true;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "this run is to have tanh from -20 to 2"));
  job.sac.log_std.low = -10;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_OK, &error);
  job.sac.log_std.smooth = policy.form.smooth = false;

  policy.weights.normalize = false;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "acts on raw observations: leave --normalize-observations out"));
  policy.weights.normalize = true;
  job.config.normalize_observations = false;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "acts on normalised observations"));
  policy.obs_dim++;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_said(&error, "obs_dim 4 and act_dim 2 (Small-v0), but Small-v0 has 3 and 2"));
  policy.obs_dim--;
  job.config.normalize_observations = true;
  policy.history.length = 4;
  policy.history.actions = false;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "has history 4 without actions, this run is to have history 1: leave --history and "
                               "--history-actions out"));
  job.config.history = 4;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "has history 4 without actions, this run is to have history 4 with actions"));
  policy_weights_release(&weights);
  trained_policy_release(&policy);
  job_release(&job);
}

// The first update with unit_weights would rescale rows of another length.
static void test_initial_sphere(void) {
  struct config config = small_config();
  struct job job;
  struct trained_policy policy;
  struct error error = {0};
  config.unit_weights = true;
  small_job_init(&job, &config);
  UNIT_STATUS_FATAL(policy_file_read(npz, &policy, &error), STATUS_OK, &error);
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "rows of weights whose length is not 1"));
  mlp_project(&policy.net, policy.weights.values, 0, 1);
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_OK, &error);
  float *last_row = policy.weights.values + policy.net.layer[policy.net.layers - 1].bias - policy.net.layer[1].out;
  for (uint32_t i = 0; i < policy.net.layer[1].out; i++) last_row[i] *= 1.01f;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_said(&error, "(one has 1.01), and the first update with unit_weights would rescale them: give "
                               "--no-unit-weights"));
  job.config.unit_weights = false;
  UNIT_STATUS(initial_policy_take(&policy, &job, &error), STATUS_OK, &error);
  trained_policy_release(&policy);
  job_release(&job);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a checkpoint's policy is that of its job", test_job},
      {"a checkpoint, a run directory and an .npz hold the same policy", test_alike},
      {"a file that is no policy is refused with the reason", test_refused},
      {"a policy with a history is the same from a best.h5 and an .npz", test_history},
      {"an .npz whose history does not make its input is refused", test_history_refused},
      {"a new job begins with a policy of its shape, and refuses another", test_initial},
      {"unit_weights takes only a policy whose rows have length 1", test_initial_sphere},
  };
  prepare();
  const int result = unit_run("policy_file", cases, sizeof cases / sizeof *cases);
  free(checkpoint);
  free(npz);
  unit_tmpdir_remove(directory);
  return result;
}

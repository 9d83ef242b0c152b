#include "actor/n_step.h"

#include "common/base/memory.h"
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum status n_step_init(struct n_step *window, uint32_t n, double gamma, uint32_t obs_dim, uint32_t act_dim,
                        struct error *error) {
  static const char what[] = "an n-step window";
  assert(n > 0);
  *window = (struct n_step){.n = n, .gamma = gamma, .obs_dim = obs_dim, .act_dim = act_dim};
  window->obs = memory_alloc((size_t)n * obs_dim, sizeof(float), what, error);
  if (window->obs) window->action = memory_alloc((size_t)n * act_dim, sizeof(float), what, error);
  if (window->action) window->reward = memory_alloc(n, sizeof(float), what, error);
  if (window->reward) window->version = memory_alloc(n, sizeof(uint64_t), what, error);
  if (window->version) return STATUS_OK;
  n_step_release(window);
  return STATUS_MEMORY;
}

void n_step_release(struct n_step *window) {
  memory_free(window->obs);
  memory_free(window->action);
  memory_free(window->reward);
  memory_free(window->version);
  *window = (struct n_step){0};
}

void n_step_clear(struct n_step *window) { window->count = window->first = 0; }

// The index in the ring of the i-th pending transition, counted from the oldest; i <= n.
static size_t ring_index(const struct n_step *window, uint32_t i) {
  const size_t at = (size_t)window->first + i;
  return at < window->n ? at : at - window->n;
}

// Makes a row of the oldest transition, over all k = count pending steps, and takes it out of the window.
static void emit_oldest(struct n_step *window, const float *next_obs, bool terminated, uint32_t environment,
                        struct transition_batch *batch) {
  assert(batch->rows < batch->capacity && batch->obs_dim == window->obs_dim && batch->act_dim == window->act_dim);
  size_t row = batch->rows++, oldest = ring_index(window, 0), obs_dim = window->obs_dim, act_dim = window->act_dim;
  double reward = 0, discount = 1;
  for (uint32_t i = 0; i < window->count; i++) {
    reward += discount * (double)window->reward[ring_index(window, i)];
    discount *= window->gamma;
  }
  batch->environment[row] = environment;
  if (batch->agent) batch->agent[row] = window->agent;
  batch->version[row] = window->version[oldest];
  memcpy(batch->obs + row * obs_dim, window->obs + oldest * obs_dim, obs_dim * sizeof(float));
  memcpy(batch->action + row * act_dim, window->action + oldest * act_dim, act_dim * sizeof(float));
  memcpy(batch->next_obs + row * obs_dim, next_obs, obs_dim * sizeof(float));
  // Rewards are finite floats, but their sum may be none. The largest float stands for it then; it stops the update
  // with a message, as the sum would.
  batch->reward[row] = (float)fmax(fmin(reward, (double)FLT_MAX), -(double)FLT_MAX);
  batch->discount[row] = terminated ? 0 : (float)discount;
  window->first = (uint32_t)ring_index(window, 1);
  window->count--;
}

static void append(struct n_step *window, const struct n_step_transition *transition) {
  assert(window->count < window->n);
  size_t at = ring_index(window, window->count++);
  memcpy(window->obs + at * window->obs_dim, transition->obs, window->obs_dim * sizeof(float));
  memcpy(window->action + at * window->act_dim, transition->action, window->act_dim * sizeof(float));
  window->reward[at] = transition->reward;
  window->version[at] = transition->version;
}

void n_step_push(struct n_step *window, const struct n_step_transition *transition, uint32_t environment,
                 struct transition_batch *batch) {
  append(window, transition);
  uint32_t keep = transition->terminated || transition->truncated ? 0 : window->n - 1;
  while (window->count > keep) emit_oldest(window, transition->next_obs, transition->terminated, environment, batch);
}

void n_step_close(struct n_step *window, const float *next_obs, uint32_t environment, struct transition_batch *batch) {
  while (window->count > 0) emit_oldest(window, next_obs, false, environment, batch);
}

uint32_t n_step_save(const struct n_step *window, struct snapshot *snapshot) {
  assert(snapshot->obs_dim == window->obs_dim && snapshot->act_dim == window->act_dim && window->count < window->n);
  size_t obs_dim = window->obs_dim, act_dim = window->act_dim;
  for (uint32_t i = 0; i < window->count; i++) {
    size_t at = ring_index(window, i), to = snapshot->window++;
    memcpy(snapshot->window_obs + to * obs_dim, window->obs + at * obs_dim, obs_dim * sizeof(float));
    memcpy(snapshot->window_action + to * act_dim, window->action + at * act_dim, act_dim * sizeof(float));
    snapshot->window_reward[to] = window->reward[at];
    snapshot->window_version[to] = window->version[at];
  }
  return window->count;
}

enum status n_step_load(struct n_step *window, const struct snapshot *snapshot, uint32_t first, uint32_t count,
                        struct error *error) {
  if (snapshot->obs_dim != window->obs_dim || snapshot->act_dim != window->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "the saved n-step window of environment %u has obs_dim %u and act_dim %u, here they are %u "
                     "and %u",
                     snapshot->environment, snapshot->obs_dim, snapshot->act_dim, window->obs_dim, window->act_dim);
  if (count >= window->n)
    return error_set(error, STATUS_MISMATCH,
                     "the saved n-step window of environment %u holds %u transitions; with n_step %u it holds at "
                     "most %u",
                     snapshot->environment, count, window->n, window->n - 1);
  assert(first + count <= snapshot->window);
  n_step_clear(window);
  for (size_t i = first; i < first + count; i++)
    append(window, &(struct n_step_transition){.obs = snapshot->window_obs + i * window->obs_dim,
                                               .action = snapshot->window_action + i * window->act_dim,
                                               .reward = snapshot->window_reward[i],
                                               .version = snapshot->window_version[i]});
  return STATUS_OK;
}

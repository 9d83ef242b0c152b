#include "learner/sac/gradient_clip.h"
#include "learner/sac/sac_impl.h"

// Hands out arrays of an arena or, where there is none yet, adds up their sizes: one list of arrays serves both.
struct layout {
  struct arena *arena; // NULL: count only
  size_t size;
};

static void *take(struct layout *layout, size_t count, size_t size) {
  const size_t need = arena_need(count, size);
  layout->size = need > SIZE_MAX / 2 - layout->size ? SIZE_MAX / 2 : layout->size + need;
  return layout->arena ? arena_alloc(layout->arena, count, size) : NULL;
}

static real *take_reals(struct layout *layout, size_t rows, size_t width) {
  return take(layout, rows * width, sizeof(real));
}

static struct mlp_cache take_cache(struct layout *layout, const struct mlp *net, size_t rows) {
  real *memory = take_reals(layout, mlp_cache_size(net, rows), 1);
  return mlp_cache_in(net, rows, memory);
}

static void layout_rows(struct layout *layout, const struct sac *sac, struct sac_rows *all) {
  const size_t rows = sac->batch_size, act = sac->act_dim, width = sac->obs_dim + act, critics = sac->critics.count;
  const size_t policy_rows = sac->scratch->policy_rows, stride = sac->scratch->stride;
  all->count = rows;
  all->input = take_reals(layout, 2 * rows, width); // one array with next_input: [s, a ; s', a']
  all->next_input = all->input ? all->input + rows * width : NULL;
  all->policy_input = take_reals(layout, rows, width);
  all->reward = take_reals(layout, rows, 1);
  all->discount = take_reals(layout, rows, 1);
  all->noise = take_reals(layout, rows, act);
  all->noise_next = take_reals(layout, rows, act);
  all->head = take_reals(layout, policy_rows, 2 * act);
  all->d_head = take_reals(layout, policy_rows, 2 * act);
  all->action = take_reals(layout, rows, act);
  all->dq_da = take_reals(layout, rows, act);
  all->d_action = take_reals(layout, rows, act);
  all->log_pi = take_reals(layout, rows, 1);
  all->y = take_reals(layout, rows, sac->critics.head.outputs);
  all->output = take_reals(layout, critics, stride);
  all->d_output = take_reals(layout, critics, stride);
  all->value = take_reals(layout, rows, 1);
  all->q = take_reals(layout, critics, rows);
  all->loss = take(layout, critics * rows, sizeof *all->loss);
  all->packed = take_reals(layout, rows, act);
  all->argmin = take(layout, rows, sizeof *all->argmin);
  all->index = take(layout, rows, sizeof *all->index);
  all->policy_cache = take_cache(layout, &sac->acting_net, rows);
  all->cache = take(layout, critics, sizeof *all->cache);
  for (size_t k = 0; k < critics; k++) {
    const struct mlp_cache cache = take_cache(layout, &sac->critics.folded_net, rows);
    if (all->cache) all->cache[k] = cache;
  }
}

// The caches of the networks that train, beside those of the folded ones where there is a difference.
static void layout_passes(struct layout *layout, const struct sac *sac, struct sac_scratch *scratch) {
  const size_t critics = sac->critics.count;
  scratch->policy_pass = scratch->all.policy_cache;
  scratch->critics_pass = scratch->all.cache;
  if (sac->policy_net.batch) scratch->policy_pass = take_cache(layout, &sac->policy_net, scratch->policy_rows);
  if (!sac->critics.net.batch) return;
  scratch->critics_pass = take(layout, critics, sizeof *scratch->critics_pass);
  for (size_t k = 0; k < critics; k++) {
    const struct mlp_cache cache = take_cache(layout, &sac->critics.net, scratch->critics_rows);
    if (scratch->critics_pass) scratch->critics_pass[k] = cache;
  }
}

static struct critics_transposed take_transposed(struct layout *layout, const struct sac *sac, const struct mlp *net,
                                                 size_t first) {
  const size_t stride = arena_need(mlp_transposed_size(net, first), sizeof(real)) / sizeof(real);
  return (struct critics_transposed){take_reals(layout, sac->critics.count, stride), stride};
}

static void layout_scratch(struct layout *layout, const struct sac *sac, struct sac_scratch *scratch) {
  const size_t critics = sac->critics.count;
  layout_rows(layout, sac, &scratch->all);
  scratch->every = take(layout, critics, sizeof *scratch->every);
  // For all critics, since sac_draw shuffles them to draw a subset.
  scratch->batch.subset = take(layout, critics, sizeof *scratch->batch.subset);
  scratch->own = take(layout, scratch->members, sizeof *scratch->own);
  scratch->finite = take(layout, scratch->members, sizeof *scratch->finite);
  for (unsigned m = 0; m < scratch->members; m++) {
    struct mlp_cache *cache = take(layout, critics, sizeof *cache);
    if (scratch->own) scratch->own[m].cache = cache;
  }
  scratch->policy_gradient = take_reals(layout, sac->policy_net.parameters, 1);
  scratch->critics_gradient = take_reals(layout, sac->critics.size, 1);
  layout_passes(layout, sac, scratch);
  const struct critics *nets = &sac->critics;
  scratch->critics_transposed = take_transposed(layout, sac, &nets->net, sac_first_column(sac, &nets->net));
  scratch->folded_transposed =
      nets->net.batch ? take_transposed(layout, sac, &nets->folded_net, sac->obs_dim) : scratch->critics_transposed;
  const size_t policy_first = sac_first_column(sac, &sac->policy_net);
  scratch->policy_transposed = take_reals(layout, mlp_transposed_size(&sac->policy_net, policy_first), 1);
  const size_t largest =
      sac->critics.size > sac->policy_net.parameters ? sac->critics.size : sac->policy_net.parameters;
  scratch->square = take(layout, gradient_clip_chunks(largest), sizeof *scratch->square);
}

// The view of `count` rows from `begin` on.
static void view(const struct sac *sac, size_t begin, size_t count, struct sac_rows *own) {
  const struct sac_rows *all = &sac->scratch->all;
  const size_t act = sac->act_dim, width = sac->obs_dim + act, outputs = sac->critics.head.outputs;
  struct mlp_cache *cache = own->cache;
  *own = (struct sac_rows){
      .begin = begin,
      .count = count,
      .input = all->input + begin * width,
      .next_input = all->next_input + begin * width,
      .reward = all->reward + begin,
      .discount = all->discount + begin,
      .noise = all->noise + begin * act,
      .noise_next = all->noise_next + begin * act,
      .head = all->head + begin * 2 * act,
      .d_head = all->d_head + begin * 2 * act,
      .action = all->action + begin * act,
      .dq_da = all->dq_da + begin * act,
      .d_action = all->d_action + begin * act,
      .log_pi = all->log_pi + begin,
      .policy_input = all->policy_input + begin * width,
      .y = all->y + begin * outputs,
      .output = all->output + begin * outputs,
      .d_output = all->d_output + begin * outputs,
      .loss = all->loss + begin,
      .value = all->value + begin,
      .q = all->q + begin,
      .packed = all->packed + begin * act,
      .argmin = all->argmin + begin,
      .index = all->index + begin,
      .policy_cache = mlp_cache_from(&sac->acting_net, &all->policy_cache, begin),
      .cache = cache,
  };
  for (size_t k = 0; k < sac->critics.count; k++)
    cache[k] = mlp_cache_from(&sac->critics.folded_net, &all->cache[k], begin);
}

enum status sac_scratch_create(struct sac *sac, struct error *error) {
  struct sac_scratch *scratch = sac->scratch = memory_alloc(1, sizeof *scratch, "the update's scratch", error);
  if (!scratch) return STATUS_MEMORY;
  scratch->members = thread_team_size(sac->team);
  scratch->critics_rows = sac->batch_size * (sac->critics.net.batch ? 2 : 1);
  scratch->policy_rows = sac->batch_size * (sac->policy_net.batch && sac->policy_joint ? 2 : 1);
  scratch->stride = scratch->critics_rows * sac->critics.head.outputs;
  struct layout layout = {0};
  layout_scratch(&layout, sac, scratch);
  if (arena_init(&scratch->arena, layout.size, "the update's scratch", error) != STATUS_OK) return STATUS_MEMORY;
  layout.arena = &scratch->arena;
  layout_scratch(&layout, sac, scratch);

  struct sac_batch *batch = &scratch->batch;
  const struct sac_rows *all = &scratch->all;
  batch->rows = sac->batch_size;
  batch->width = sac->obs_dim + sac->act_dim;
  batch->input = all->input, batch->next_input = all->next_input;
  batch->reward = all->reward, batch->discount = all->discount;
  batch->noise = all->noise, batch->noise_next = all->noise_next;
  for (uint32_t k = 0; k < sac->critics.count; k++) batch->subset[k] = scratch->every[k] = k;
  for (unsigned m = 0; m < scratch->members; m++) {
    size_t begin, end;
    thread_team_share(sac->batch_size, 1, m, scratch->members, &begin, &end);
    view(sac, begin, end - begin, &scratch->own[m]);
  }
  return STATUS_OK;
}

void sac_scratch_destroy(struct sac_scratch *scratch) {
  if (!scratch) return;
  arena_release(&scratch->arena);
  memory_free(scratch);
}

// The step of parameters, after a backward pass: gradient, Adam, and what follows from the parameters.
//
// Parts of the networks are divided among the members. Where nothing has to know all of a gradient before Adam, or all
// of a row after it, a part goes through all phases at once, while it is in the cache.
#include "learner/sac/gradient_clip.h"
#include "learner/sac/sac_impl.h"

#include "common/nn/mlp_sphere.h"

enum { GRAIN = 4096 }; // of the members' shares of parameters

// The gradient of one part of network k over all rows.
static struct mlp_ranges gradient_part(const struct sac *sac, const struct sac_step *step, size_t k, size_t part,
                                       unsigned members, const real *const soon[LINALG_SOON]) {
  const struct sac_batch *batch = &sac->scratch->batch;
  return mlp_gradient_part(step->net, (struct mlp_part){part, members, batch->rows},
                           &(struct linalg_rows){step->rows, batch->input, batch->width}, &step->cache[k],
                           step->dy + k * step->stride, step->gradient + k * step->net->parameters, soon);
}

// The gradient of one part, and Adam's step on it at once.
static bool step_part(const struct sac *sac, const struct sac_step *step, size_t k, size_t part, unsigned members) {
  const struct adam *adam = step->adam;
  const size_t offset = k * step->net->parameters;
  const real *soon[LINALG_SOON] = {step->parameters + offset, adam->m + offset, adam->v + offset,
                                   step->targets ? sac->critics.targets + offset : NULL};
  bool finite = true;
  const struct mlp_ranges ranges = gradient_part(sac, step, k, part, members, soon);
  for (int i = 0; i < MLP_PART_RANGES; i++) {
    const size_t begin = offset + ranges.range[i].begin, end = offset + ranges.range[i].end;
    if (begin == end) continue;
    finite &= adam_apply(adam, begin, end, step->gradient, step->parameters);
    if (step->targets) critics_track(&sac->critics, sac->tau, begin, end);
  }
  return finite;
}

// The phases one after another: the gradient is complete, it is clipped, Adam steps, weights go back to the sphere, the
// targets follow.
static bool step_apart(const struct sac *sac, const struct sac_step *step, unsigned member, unsigned members) {
  const size_t size = step->adam->size;
  size_t begin, end;
  thread_team_share(size, GRAIN, member, members, &begin, &end);
  thread_team_meet(sac->team);
  if (sac->gradient_clip > 0) {
    double *square = sac->scratch->square;
    gradient_clip_measure(size, step->gradient, member, members, square);
    thread_team_meet(sac->team);
    gradient_clip_apply(gradient_clip_factor(size, square, sac->gradient_clip), begin, end, step->gradient);
  }
  const bool finite = adam_apply(step->adam, begin, end, step->gradient, step->parameters);
  if (sac->unit_weights) {
    thread_team_meet(sac->team);
    for (size_t k = 0; k < step->count; k++)
      mlp_project(step->net, step->parameters + k * step->net->parameters, member, members);
    thread_team_meet(sac->team);
  }
  if (step->targets) critics_track(&sac->critics, sac->tau, begin, end);
  return finite;
}

bool sac_step(const struct sac *sac, const struct sac_step *step, unsigned member, unsigned members) {
  const size_t parts = mlp_parts(step->net, members);
  const bool apart = sac->unit_weights || sac->gradient_clip > 0;
  bool finite = true;
  for (size_t p = member; p < step->count * parts; p += members) {
    if (apart)
      gradient_part(sac, step, p / parts, p % parts, members, NULL);
    else
      finite &= step_part(sac, step, p / parts, p % parts, members);
  }
  return apart ? step_apart(sac, step, member, members) : finite;
}

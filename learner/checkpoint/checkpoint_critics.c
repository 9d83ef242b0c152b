#include "learner/checkpoint/checkpoint_critics.h"

#include "common/base/memory.h"
#include "common/nn/mlp_fold.h"
#include "learner/storage/checkpoint_layout.h"

#include <math.h>

static void read_networks(struct h5 *h5, const struct checkpoint_shape *shape, struct checkpoint_critics *critics) {
  const struct mlp *net = &shape->critic;
  const size_t count = critics->count, parameters = count * net->parameters, statistics = count * net->statistics;

  // Checks the shapes before memory of that size is allocated.
  checkpoint_walk_critics(h5, "critics", shape, &(struct checkpoint_nets){0});
  if (h5->status != STATUS_OK) return;
  critics->parameters = memory_alloc(count * critics->net.parameters, sizeof(float), "the critics", h5->error);
  float *read = memory_alloc(parameters + statistics + mlp_fold_scratch(net), sizeof *read, "the critics", h5->error);
  if (!critics->parameters || !read) h5->status = STATUS_MEMORY;
  checkpoint_walk_critics(h5, "critics", shape,
                          &(struct checkpoint_nets){.values = read, .statistics = read ? read + parameters : NULL});
  for (size_t k = 0; k < count && h5->status == STATUS_OK; k++)
    mlp_fold(net, read + k * net->parameters, read + parameters + k * net->statistics, read + parameters + statistics,
             critics->parameters + k * critics->net.parameters);
  memory_free(read);
}

enum status checkpoint_read_critics(const char *path, const struct checkpoint_info *info, const struct config *config,
                                    struct checkpoint_critics *critics, struct error *error) {
  const struct checkpoint_shape shape = checkpoint_shape_of(config, info->obs_dim, info->act_dim);
  const struct mlp folded = mlp_folded(&shape.critic);
  struct h5 h5;
  *critics = (struct checkpoint_critics){.net = mlp_dense(&folded), .alpha = config->alpha.value};
  h5_open(&h5, path, error);
  if (h5_has(&h5, "critics")) {
    double log_alpha = 0;
    critics->count = shape.critics;
    read_networks(&h5, &shape, critics);
    h5_double(&h5, "temperature/log_alpha", &log_alpha);
    if (config->alpha.is_auto) critics->alpha = exp(log_alpha);
  }
  if (h5.status != STATUS_OK) checkpoint_critics_release(critics);
  return h5_close(&h5);
}

void checkpoint_critics_release(struct checkpoint_critics *critics) {
  memory_free(critics->parameters);
  critics->parameters = NULL;
  critics->count = 0;
}

#include "learner/checkpoint/checkpoint_critics.h"

#include "common/base/memory.h"
#include "learner/storage/checkpoint_layout.h"

#include <math.h>

enum status checkpoint_read_critics(const char *path, const struct checkpoint_info *info, const struct config *config,
                                    struct checkpoint_critics *critics, struct error *error) {
  struct h5 h5;
  struct mlp net;
  *critics = (struct checkpoint_critics){0};
  mlp_init(&net, NULL, info->obs_dim + info->act_dim, config->hidden.width, config->hidden.count, 1,
           config->critic_layer_norm);
  critics->net = mlp_dense(&net);
  critics->alpha = config->alpha.value;
  h5_open(&h5, path, error);
  if (h5_has(&h5, "critics")) {
    const struct checkpoint_shape shape = checkpoint_shape_of(config, info->obs_dim, info->act_dim);
    double log_alpha = 0;
    critics->count = shape.critics;

    // Checks the shapes before memory of that size is allocated.
    checkpoint_walk_critics(&h5, "critics", &shape, &(struct checkpoint_nets){0});
    if (h5.status == STATUS_OK)
      critics->parameters =
          memory_alloc(critics->count * critics->net.parameters, sizeof(float), "the critics", h5.error);
    if (h5.status == STATUS_OK && !critics->parameters) h5.status = STATUS_MEMORY;
    checkpoint_walk_critics(&h5, "critics", &shape, &(struct checkpoint_nets){.values = critics->parameters});
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

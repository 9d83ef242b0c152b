#include "learner/checkpoint_critics.h"

#include "learner/checkpoint_hdf5.h"
#include <math.h>

// parameters NULL: only checks the shapes.
static void read_critic(struct h5 *h5, uint32_t k, const struct mlp *net, float *parameters) {
  for (uint32_t l = 0; l < net->layers; l++) {
    const struct mlp_layer *layer = &net->layer[l];
    const struct {
      const char *name;
      bool wanted;
      uint64_t columns;
      size_t offset;
    } part[] = {{"weight", true, layer->in, layer->weight},
                {"bias", true, 0, layer->bias},
                {"norm_scale", layer->norm, 0, layer->norm_scale},
                {"norm_shift", layer->norm, 0, layer->norm_shift}};
    char name[16] = "q";
    if (l + 1 < net->layers) snprintf(name, sizeof name, "layer%u", l);
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
      if (part[i].wanted)
        h5_values(h5, h5_name(h5, "critics/%u/%s/%s", k, name, part[i].name), H5_KIND_FLOAT, layer->out,
                  part[i].columns, parameters ? parameters + part[i].offset : NULL);
  }
}

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
    critics->count = (uint32_t)config->critics;
    for (uint32_t k = 0; k < critics->count; k++) read_critic(&h5, k, &critics->net, NULL);
    if (h5.status == STATUS_OK)
      critics->parameters =
          memory_alloc(critics->count * critics->net.parameters, sizeof(float), "the critics", h5.error);
    if (h5.status == STATUS_OK && !critics->parameters) h5.status = STATUS_MEMORY;
    for (uint32_t k = 0; k < critics->count && critics->parameters; k++)
      read_critic(&h5, k, &critics->net, critics->parameters + k * critics->net.parameters);
    double log_alpha = 0;
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

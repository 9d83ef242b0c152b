// The critics of a checkpoint alone, in the order of the file: `corsac explain` looks at what they have learned.
#ifndef CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_CRITICS_H
#define CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_CRITICS_H

#include "common/nn/mlp.h"
#include "learner/storage/checkpoint_head.h"

struct checkpoint_critics {
  uint32_t count;    // 0: the file has none (best.h5)
  struct mlp net;    // dense, batch norms folded: obs_dim + act_dim -> 1, or value_atoms logits
  float *parameters; // (count x net.parameters)
  double alpha;      // the temperature of the same moment
};
// Release afterwards; on failure nothing is held. info, config: the file's.
enum status checkpoint_read_critics(const char *path, const struct checkpoint_info *info, const struct config *config,
                                    struct checkpoint_critics *critics, struct error *error);
void checkpoint_critics_release(struct checkpoint_critics *critics);
#endif

// The arrays of a network by the names that files give them, in the order of files:
//
//   input/norm_scale, norm_shift, mean, variance     of the input's batch norm
//   layerL/weight, bias, norm_scale, norm_shift, mean, variance
//   rms/gain                                         of RMS norm
//   HEAD/weight, bias                                of each head, a share of the last layer's outputs
//
// A network has those that it is made of. mean and variance are running statistics.
#ifndef CORSAC_COMMON_NN_MLP_ARRAYS_H
#define CORSAC_COMMON_NN_MLP_ARRAYS_H

#include "common/nn/mlp.h"

struct mlp_head {
  const char *name;
  uint32_t rows;
};

struct mlp_array {
  char layer[16]; // "layer0"
  const char *name;
  uint32_t rows, columns; // columns 0: a vector
  size_t offset;          // in the dense parameters, or in the running statistics
  bool statistic, variance;
};
enum { MLP_MAX_HEADS = 2, MLP_MAX_ARRAYS = 6 * MLP_MAX_LAYERS + 5 + 2 * MLP_MAX_HEADS };

// Fills array and returns how many there are. net is dense (mlp_dense); the heads have all of its outputs.
uint32_t mlp_arrays(const struct mlp *net, const struct mlp_head *heads, uint32_t head_count,
                    struct mlp_array array[MLP_MAX_ARRAYS]);
#endif

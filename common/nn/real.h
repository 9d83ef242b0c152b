// The number type of the networks. The program computes in float; the unit tests build the same sources with double
// (-DCORSAC_REAL_DOUBLE) to compare them with PyTorch's float64 and with central differences.
#ifndef CORSAC_COMMON_NN_REAL_H
#define CORSAC_COMMON_NN_REAL_H

#ifdef CORSAC_REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif

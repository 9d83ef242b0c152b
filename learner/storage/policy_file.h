// Any file that holds a policy: a checkpoint, a best.h5, or an .npz that `corsac export` or corsac_from_sb3.py wrote.
// Reading needs neither MPI nor OpenBLAS; libcorsac_policy is built of it.
#ifndef CORSAC_LEARNER_STORAGE_POLICY_FILE_H
#define CORSAC_LEARNER_STORAGE_POLICY_FILE_H

#include "learner/storage/trained_policy.h"

// Reads such a file, or the newest good checkpoint of a run directory, and checks that the policy can act: finite
// weights and statistics, usable bounds. Release afterwards; on failure nothing is held.
enum status policy_file_read(const char *path, struct trained_policy *policy, struct error *error);
// To be called first in a program that is not corsac: HDF5 belongs to that program too, and must go on closing at exit
// what is open then, which h5.c turns off.
void policy_file_share_hdf5(void);
#endif

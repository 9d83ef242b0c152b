// The file under a checkpoint that is being written, as a driver for HDF5 that never fails. After a write that failed
// HDF5 1.10 can neither close a file nor forget it, and crashes when the process ends. So HDF5 is told that all went
// well, what it writes from then on is kept in memory (for it may read it again), and the failure is found here.
#ifndef CORSAC_LEARNER_STORAGE_H5_OUTPUT_H
#define CORSAC_LEARNER_STORAGE_H5_OUTPUT_H

#include <hdf5.h>
#include <stdint.h>

struct checkpoint_output {
  struct held_file *file;                        // NULL: none
  int failure;                                   // errno of the first write that failed; 0: none did
  uint64_t end;                                  // bytes of the file, as HDF5 sees it
  struct checkpoint_output_piece *kept, *newest; // writes after the failure, oldest first
  hid_t driver;                                  // HDF5's name of the functions; 0 or negative: none
};
// Opens and empties the file; failure says why it cannot be. Pair: checkpoint_output_close, after HDF5 has closed its
// file.
void checkpoint_output_open(struct checkpoint_output *output, const char *path);
void checkpoint_output_close(struct checkpoint_output *output);
// Lets files that are created with this access list be the output, which must stay where it is. Negative: HDF5 refused.
herr_t checkpoint_output_use(struct checkpoint_output *output, hid_t access);
#endif

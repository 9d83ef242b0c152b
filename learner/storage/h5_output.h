// The file below HDF5 while a checkpoint is written: a driver for HDF5 that never fails. After a failed write HDF5 1.10
// can neither close a file nor forget it, and crashes when the process ends. So HDF5 is told that every write succeeds.
// After the first failure all writes are kept in memory, because HDF5 may read them again, and `failure` says why.
#ifndef CORSAC_LEARNER_STORAGE_H5_OUTPUT_H
#define CORSAC_LEARNER_STORAGE_H5_OUTPUT_H

#include <hdf5.h>
#include <stdint.h>

struct h5_output {
  struct held_file *file;                // NULL: none
  int failure;                           // errno of the first write that failed; 0: none did
  uint64_t end;                          // bytes of the file, as HDF5 sees it
  struct h5_output_write *kept, *newest; // the writes after the failure, oldest first
  hid_t driver;                          // HDF5's handle of the driver; 0 or negative: none
};
// Opens and empties the file; `failure` tells whether it could be.
void h5_output_open(struct h5_output *output, const char *path);
// To be called after HDF5 has closed its file.
void h5_output_close(struct h5_output *output);
// Makes a file that is created with this access list write to `output`, which must not move. Negative: HDF5 refused.
herr_t h5_output_use(struct h5_output *output, hid_t access);
#endif

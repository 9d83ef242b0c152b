// What an environment in this process, a guest, may do to the process's files and limits, found and mended. common/base
// keeps what is needed for it: file.h (paths, modes), held_file.h (descriptors), streams.h (0 to 2).
#ifndef CORSAC_COMMON_BASE_GUEST_FILES_H
#define CORSAC_COMMON_BASE_GUEST_FILES_H

#include "common/base/status.h"
#include <stdbool.h>

enum { GUEST_FILES_TEXT = 512 };

// First of all in main(): file_begin, streams_begin, and the limits as they are.
void guest_files_begin(void);
// MPI has started: what it has open matters from here on.
void guest_files_begin_mpi(void);
// Before a call that may close what it does not know, such as a guest's create: the next guest_files_check tells which
// of the sockets, pipes and the like that libraries have open now are closed then. Libraries close and open some of
// their own between two calls.
void guest_files_note_libraries(void);

bool guest_files_have_libraries(void); // no such look has missed one

// After a guest's create or reset, and every second or so: 5 to 40 us, as many system calls; not for each
// step. Mends what can be mended: of 0 to 2 what is closed; files of ours that are closed or replaced (opened again by
// path); limits (file size, open files, memory, processor time) that were lowered.
//
// mended (GUEST_FILES_TEXT bytes): "" if there was nothing; else words that end a sentence of which the guest is the
// subject: "closed log.txt, metrics.csv (opened again)"; a warning is enough, and all goes on.
// Returns STATUS_OK, or STATUS_FAILED with such words in `error` if something is lost for good: "closed descriptors of
// MPI: 14, 17". The role has to end with this message, without waiting for MPI.
enum status guest_files_check(char *mended, struct error *error);
#endif

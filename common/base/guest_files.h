// Finds and repairs what an environment in this process, a guest, has done to the process's files and limits. It builds
// on file.h (paths, modes), held_file.h (descriptors) and streams.h (descriptors 0 to 2).
#ifndef CORSAC_COMMON_BASE_GUEST_FILES_H
#define CORSAC_COMMON_BASE_GUEST_FILES_H

#include "common/base/status.h"
#include <stdbool.h>

enum { GUEST_FILES_TEXT = 512 };

// Calls file_begin and streams_begin and notes the limits. It has to be the first call in main().
void guest_files_begin(void);

// Call this when MPI has started. From then on descriptors of libraries are watched.
void guest_files_begin_mpi(void);

// Notes the sockets, pipes and the like that libraries have open. Call it before a call that may close descriptors it
// does not know, such as a guest's create; the next guest_files_check finds those that are then closed. Libraries
// themselves close and open some between two calls.
void guest_files_note_libraries(void);

// Whether no check has found such a descriptor closed.
bool guest_files_have_libraries(void);

// Call this after a guest's create or reset and about once a second, but not for each step: it takes 5 to 40 us. It
// repairs descriptors 0 to 2 that are closed, files of ours that are closed or replaced (they are opened again by
// path), and limits that were lowered (file size, open files, memory, processor time).
//
// mended (GUEST_FILES_TEXT bytes) gets "" or the end of a sentence whose subject is the guest: "closed log.txt,
// metrics.csv (opened again)". A warning is enough then.
// Returns STATUS_FAILED, with such words in `error`, if something cannot be repaired: "closed descriptors of MPI: 14,
// 17". The role has to end with this message, without waiting for MPI.
enum status guest_files_check(char *mended, struct error *error);
#endif

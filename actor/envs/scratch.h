// The working directory of a child process: DIR/NAME, which is made for one start of the program, and is removed or
// kept when that has ended.
//
// A directory is ours if the file SCRATCH_MARK is in it. As long as it is in use, that file is locked, also against
// another job. So a directory that is there and is not locked was left behind by a job that was killed.
//
//   DIR/3           of environment 3, while its program runs
//   DIR/3.failed    of its last program that failed, or was left behind (SCRATCH_FAILED)
//   DIR/3.1, 3.2    those that have ended (SCRATCH_ALWAYS)
#ifndef CORSAC_ACTOR_ENVS_SCRATCH_H
#define CORSAC_ACTOR_ENVS_SCRATCH_H

#include "common/base/file.h"
#include "common/base/file_tree.h"
#include <stdbool.h>
#include <stdint.h>

enum scratch_keep { SCRATCH_NEVER, SCRATCH_FAILED, SCRATCH_ALWAYS };

struct scratch {
  char path[FILE_PATH]; // "": there is none
  int lock;             // of its mark
  bool made_parent;     // DIR was made for it, or for an earlier one
  uint32_t kept;        // the last number of SCRATCH_ALWAYS
};

// Makes `directory` where it is missing, and in it the empty directory `name`. One of that name that was left behind is
// removed or kept first, as a failed one. STATUS_IO: it cannot be made, it is in use, or it is not ours; the text names
// the path. Then nothing of anybody else is touched.
enum status scratch_make(struct scratch *scratch, const char *directory, const char *name, enum scratch_keep keep,
                         struct file_tree_waiting waiting, struct error *error);

// Removes the directory or renames it, as `keep` says. What cannot be removed stays, with a warning. A second call, or
// one without a directory, does nothing.
void scratch_end(struct scratch *scratch, enum scratch_keep keep, bool failed, struct file_tree_waiting waiting);
#endif

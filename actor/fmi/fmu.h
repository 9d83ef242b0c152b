// An FMU on disk: unpacked, described, and with a task.
#ifndef CORSAC_ACTOR_FMI_FMU_H
#define CORSAC_ACTOR_FMI_FMU_H

#include "actor/fmi/description.h"
#include "actor/fmi/task.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include <sys/types.h>

struct fmu {
  char name[FILE_PATH];      // as it was given
  char directory[FILE_PATH]; // where it is unpacked
  char task_path[FILE_PATH]; // or ""
  pid_t owner;               // the process that unpacked it, and removes the directory; 0: the directory stays
  int lock;                  // the owner's, on the directory: a directory without it is abandoned
  struct description description;
  struct task task;
};

// path: an FMU, or a directory that has an unpacked one. An FMU is unpacked into a new directory in $TMPDIR or /tmp.
// Directories that killed processes left there are removed. Close it also after a failure.
enum status fmu_unpack(struct fmu *fmu, const char *path, struct error *error);

// Unpacks it and reads its task. task: the path of a task file, or "".
enum status fmu_open(struct fmu *fmu, const char *path, const char *task, struct error *error);
void fmu_close(struct fmu *fmu);

#endif

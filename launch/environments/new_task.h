// corsac new-env MODEL.fmu --lang fmu: writes a task file to begin with from the FMU's description.
#ifndef CORSAC_LAUNCH_ENVIRONMENTS_NEW_TASK_H
#define CORSAC_LAUNCH_ENVIRONMENTS_NEW_TASK_H

#include "common/base/status.h"

// Writes MODEL.yaml into the working directory, and says what comes next. A file that is there is not changed.
enum status new_task_write(const char *fmu, struct error *error);

#endif

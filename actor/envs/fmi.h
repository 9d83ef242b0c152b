// FMUs as environments: fmi:MODEL.fmu[:TASK.yaml]. The actor unpacks and checks the FMU; its instances run in child
// processes, which find it unpacked, or with `isolate: false` in the task in the actor's.
#ifndef CORSAC_ACTOR_ENVS_FMI_H
#define CORSAC_ACTOR_ENVS_FMI_H

#include "actor/fmi/fmu.h"
#include "common/env/env.h"

struct fmi {
  struct fmu fmu;
  struct corsac_env abi; // of an instance in this process; has flags and save as the FMU can
};

// task: the path of its file, or "". Checks all that can be checked without loading the FMU's code. NULL: STATUS_USAGE,
// STATUS_IO, STATUS_FORMAT or STATUS_MISMATCH, with a message that names the file.
struct fmi *fmi_open(const char *path, const char *task, struct error *error);

// Whether the libraries that FMUs need are installed. STATUS_IO: the message says what installs them.
enum status fmi_check_libraries(struct error *error);

// NULL is fine.
void fmi_close(struct fmi *fmi);
#endif

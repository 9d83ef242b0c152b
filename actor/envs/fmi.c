#include "actor/envs/fmi.h"

#include "actor/fmi/archive.h"
#include "actor/fmi/expat.h"
#include "actor/fmi/fmi_env.h"
#include "actor/fmi/io.h"
#include "actor/fmi/library.h"
#include "actor/fmi/slave.h"
#include "common/base/memory.h"
#include <dlfcn.h>

// What creating an instance would find out later, once in each child.
static enum status check(const struct fmu *fmu, struct error *error) {
  char file[FILE_PATH];
  struct fmi_io io;
  enum status status = slave_find_file(&fmu->description, fmu->name, fmu->directory, file, error);
  if (status != STATUS_OK) return status;
  status = fmi_io_init(&io, fmu, error);
  fmi_io_release(&io);
  return status;
}

struct fmi *fmi_open(const char *path, const char *task, struct error *error) {
  struct fmi *fmi = memory_alloc(1, sizeof *fmi, "an FMU", error);
  if (!fmi) return NULL;
  enum status status = fmu_open(&fmi->fmu, path, task, error);
  if (status == STATUS_OK) status = check(&fmi->fmu, error);
  if (status != STATUS_OK) {
    fmi_close(fmi);
    return NULL;
  }
  fmi->abi = env_fmi;
  fmi->abi.flags = fmi->fmu.description.one_per_process ? CORSAC_ONE_PER_PROCESS : 0;
  if (!fmi->fmu.description.can_save) {
    fmi->abi.save = NULL;
    fmi->abi.load = NULL;
  }
  return fmi;
}

enum status fmi_check_libraries(struct error *error) {
  static const char *const names[] = {ARCHIVE_LIBRARY, EXPAT_LIBRARY, MUPARSER_LIBRARY};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    void *library = library_open_system(names[i], NULL, 0, error);
    if (!library) return STATUS_IO;
    dlclose(library);
  }
  return STATUS_OK;
}

void fmi_close(struct fmi *fmi) {
  if (!fmi) return;
  fmu_close(&fmi->fmu);
  memory_free(fmi);
}

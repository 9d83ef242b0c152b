#include "actor/envs/mujoco.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PATH = 4096 };
static const char HOW[] = "launch/install-deps.sh mujoco puts it there, --mujoco-dir names another directory";

bool mujoco_directory(const char *given, char *path, size_t size) {
  const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  int length;
  if (given && *given)
    length = snprintf(path, size, "%s", given);
  else if (data && *data)
    length = snprintf(path, size, "%s/corsac/mujoco", data);
  else if (home && *home)
    length = snprintf(path, size, "%s/.local/share/corsac/mujoco", home);
  else
    return false;
  return length > 0 && (size_t)length < size;
}

static void *open_library(const char *directory, const char *name, struct error *error) {
  char path[MAX_PATH];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  if (access(path, R_OK) != 0) {
    error_set(error, STATUS_IO, "%s is not in %s: %s", name, directory, HOW);
    return NULL;
  }
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) error_set(error, STATUS_IO, "%s cannot be loaded: %s", path, dlerror());
  return library;
}

static bool find_functions(struct mujoco *mujoco, const char *directory, struct error *error) {
  int (*layout)(void) = NULL, (*headers)(void) = NULL;
  const struct {
    void *library;
    const char *name;
    void *function; // where its address goes
  } wanted[] = {{mujoco->library, "mj_version", &mujoco->version},
                {mujoco->library, "mj_loadXML", &mujoco->load_xml},
                {mujoco->library, "mj_deleteModel", &mujoco->delete_model},
                {mujoco->library, "mj_makeData", &mujoco->make_data},
                {mujoco->library, "mj_deleteData", &mujoco->delete_data},
                {mujoco->library, "mj_resetData", &mujoco->reset_data},
                {mujoco->library, "mj_forward", &mujoco->forward},
                {mujoco->library, "mj_step", &mujoco->step},
                {mujoco->library, "mj_rnePostConstraint", &mujoco->rne_post_constraint},
                {mujoco->library, "mj_stateSize", &mujoco->state_size},
                {mujoco->library, "mj_getState", &mujoco->get_state},
                {mujoco->library, "mj_setState", &mujoco->set_state},
                {mujoco->library, "mj_name2id", &mujoco->name2id},
                {mujoco->view_library, "mujoco_view_fill", &mujoco->fill_view},
                {mujoco->view_library, "mujoco_view_layout", &layout},
                {mujoco->view_library, "mujoco_view_version", &headers}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    void *symbol = dlsym(wanted[i].library, wanted[i].name);
    if (!symbol) {
      error_set(error, STATUS_MISMATCH, "the libmujoco in %s has no %s; it has to be 3.0 or later: %s", directory,
                wanted[i].name, HOW);
      return false;
    }
    memcpy(wanted[i].function, &symbol, sizeof symbol); // ISO C has no cast from an object's address to a function's
  }
  if (layout() == MUJOCO_VIEW_LAYOUT && headers() == mujoco->version()) return true;
  error_set(error, STATUS_MISMATCH,
            "libcorsac_mujoco.so in %s was made for MuJoCo %d and layout %d, but libmujoco is %d and this program has "
            "layout %d: launch/install-deps.sh mujoco makes it anew",
            directory, headers(), layout(), mujoco->version(), MUJOCO_VIEW_LAYOUT);
  return false;
}

// Without a handler MuJoCo writes its warnings into MUJOCO_LOG.TXT in the current directory. While a model is loaded
// they are about deprecated attributes and are ignored; later they are about an unstable simulation.
static void ignore(const char *text) { (void)text; }
static void warn(const char *text) { log_warn("MuJoCo: %s", text); }
static void set_warning_handler(const struct mujoco *mujoco, void (*handler)(const char *text)) {
  void *variable = dlsym(mujoco->library, "mju_user_warning");
  if (variable) memcpy(variable, &handler, sizeof handler);
}

static bool load_model(struct mujoco *mujoco, const char *directory, struct error *error) {
  char path[MAX_PATH], reason[500] = "";
  snprintf(path, sizeof path, "%s/%s", directory, mujoco->task->xml);
  if (access(path, R_OK) != 0) {
    error_set(error, STATUS_IO, "the model %s is not in %s: %s", mujoco->task->xml, directory, HOW);
    return false;
  }
  set_warning_handler(mujoco, ignore);
  mujoco->model = mujoco->load_xml(path, NULL, reason, sizeof reason);
  set_warning_handler(mujoco, warn);
  if (!mujoco->model) error_set(error, STATUS_FORMAT, "MuJoCo cannot read the model %s: %s", path, reason);
  return mujoco->model;
}

struct mujoco *mujoco_open(const struct mujoco_task *task, const char *directory, struct error *error) {
  char path[MAX_PATH - 100];
  if (!mujoco_directory(directory, path, sizeof path)) {
    error_set(error, STATUS_USAGE, "without $HOME there is no default directory of libmujoco: --mujoco-dir names one");
    return NULL;
  }
  struct mujoco *mujoco = memory_alloc(1, sizeof *mujoco, "a MuJoCo task", error);
  if (!mujoco) return NULL;
  mujoco->task = task;
  mujoco->library = open_library(path, "libmujoco.so", error);
  if (mujoco->library) mujoco->view_library = open_library(path, "libcorsac_mujoco.so", error);
  if (mujoco->view_library && find_functions(mujoco, path, error) && load_model(mujoco, path, error)) return mujoco;
  mujoco_close(mujoco);
  return NULL;
}

void mujoco_close(struct mujoco *mujoco) {
  if (!mujoco) return;
  if (mujoco->model) mujoco->delete_model(mujoco->model);
  // libmujoco stays loaded: it has state of the process, and warn() stays where its warnings go.
  if (mujoco->view_library) dlclose(mujoco->view_library);
  memory_free(mujoco);
}

#define H5_USE_110_API // later versions keep these calls under their names of 1.10
#include "learner/storage/h5.h"

#include "common/base/file.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { METADATA_BLOCK = 1 << 16, WAITS = 40, WAIT_NS = 50000000 }; // 40 waits are 2 s

// --- failures ---

void h5_fail(struct h5 *h5, enum status status, const char *format, ...) {
  char text[sizeof h5->error->text];
  if (h5->status != STATUS_OK) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  h5->status = error_set(h5->error, status, "%s: %s", h5->path, text);
}

// HDF5 keeps its errors in a stack. The innermost entry says what happened and quotes the operating system where that
// refused.
struct reason {
  char text[H5_NAME];
  enum status status;
  bool in_use;
};

// Offsets in a damaged file lead to reads that the system refuses with EINVAL or EOVERFLOW: these are the file's fault.
static bool is_system_error(const char *text) {
  const char *number = strstr(text, "errno = ");
  const long code = number ? strtol(number + strlen("errno = "), NULL, 10) : 0;
  return code != 0 && code != EINVAL && code != EOVERFLOW;
}

static herr_t take_reason(unsigned depth, const H5E_error2_t *entry, void *data) {
  static const char before[] = "error message = '";
  struct reason *reason = data;
  const char *text = entry->desc ? entry->desc : "";
  reason->in_use |= strstr(text, "already open for") != NULL;
  if (is_system_error(text)) reason->status = STATUS_IO;
  if (entry->maj_num == H5E_RESOURCE && strstr(text, "memory allocation failed")) reason->status = STATUS_MEMORY;
  if (depth > 0) return 0;
  const char *quoted = strstr(text, before);
  const char *from = quoted ? quoted + sizeof before - 1 : text;
  snprintf(reason->text, sizeof reason->text, "%.*s", (int)strcspn(from, quoted ? "'" : "\n"), from);
  return 0;
}

static struct reason find_reason(const struct h5 *h5) {
  struct reason reason = {"no reason given", h5->writing ? STATUS_IO : STATUS_FORMAT, false};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, &reason);
  return reason;
}

void h5_fail_library(struct h5 *h5, const char *name, const char *what) {
  const struct reason reason = find_reason(h5);
  h5_fail(h5, reason.status, "%s%s%s: %s", name && *name != '/' ? "/" : "", name ? name : "", what, reason.text);
}

// --- files ---

// HDF5 must not clean up at exit: every file is closed here, and after a damaged file 1.10 complains then that it
// cannot end. H5dont_atexit only works as the very first call.
static void begin(struct h5 *h5, const char *path, bool writing, struct error *error) {
  (void)H5dont_atexit();
  *h5 = (struct h5){.writing = writing,
                    .error = error,
                    .hint = "",
                    .range = H5_ANYTHING,
                    .file = H5I_INVALID_HID,
                    .links = H5I_INVALID_HID,
                    .layout = H5I_INVALID_HID};
  snprintf(h5->path, sizeof h5->path, "%s", path);
  if (H5Eget_auto2(H5E_DEFAULT, &h5->print, &h5->print_data) < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0)
    h5_fail(h5, STATUS_FAILED, "HDF5 does not let its messages be turned off");
  if (H5PLget_loading_state(&h5->plugins) < 0 || H5PLset_loading_state(0) < 0)
    h5_fail(h5, STATUS_FAILED, "HDF5 does not let the loading of its filters be turned off");
}

static void end(struct h5 *h5) {
  h5_done(h5, h5->links, H5Pclose);
  h5_done(h5, h5->layout, H5Pclose);
  if (H5PLset_loading_state(h5->plugins) < 0) h5_fail_library(h5, NULL, "cannot be closed");
  if (H5Eset_auto2(H5E_DEFAULT, h5->print, h5->print_data) < 0) h5_fail_library(h5, NULL, "cannot be closed");
  h5->links = h5->layout = h5->file = H5I_INVALID_HID;
}

void h5_done(struct h5 *h5, hid_t handle, herr_t (*close)(hid_t)) {
  if (handle >= 0 && close(handle) < 0) h5_fail_library(h5, NULL, "a part of it cannot be closed");
}

// HDF5 takes no locks: only one process writes a run directory, and network file systems often have no locks. (Reading
// looks for the locks of other programs itself: is_locked.) There is no chunk cache, since chunks are moved whole.
static hid_t file_access(struct h5 *h5) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  bool good = access >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0;
  good = good && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0;
  good = good && H5Pset_cache(access, 0, 0, 0, 1) >= 0;
  good = good && H5Pset_meta_block_size(access, METADATA_BLOCK) >= 0;
#if H5_VERSION_GE(1, 10, 7)
  good = good && H5Pset_file_locking(access, false, true) >= 0;
#endif
  if (good || access < 0) return access;
  h5_done(h5, access, H5Pclose);
  return H5I_INVALID_HID;
}

// Datasets carry no times, so that equal jobs give equal ones.
static bool make_properties(struct h5 *h5) {
  h5->links = H5Pcreate(H5P_LINK_CREATE);
  h5->layout = H5Pcreate(H5P_DATASET_CREATE);
  return h5->links >= 0 && h5->layout >= 0 && H5Pset_create_intermediate_group(h5->links, 1) >= 0 &&
         H5Pset_obj_track_times(h5->layout, false) >= 0 && H5Pset_fill_time(h5->layout, H5D_FILL_TIME_NEVER) >= 0 &&
         H5Pset_fletcher32(h5->layout) >= 0;
}

void h5_check_output(struct h5 *h5, const char *name) {
  if (!h5->writing) return;
  if (h5->abandon && atomic_load_explicit(h5->abandon, memory_order_relaxed))
    h5_fail(h5, STATUS_STOPPED, "abandoned before it was whole");
  if (h5->output.failure)
    h5_fail(h5, STATUS_IO, "%s%s%scannot be written: %s", *name ? "/" : "", name, *name ? " " : "",
            strerror(h5->output.failure));
}

enum status h5_create(struct h5 *h5, const char *path, struct error *error) {
  begin(h5, path, true, error);
  if (h5->status == STATUS_OK) h5->status = atomic_file_begin(path, h5->temporary, error);
  if (h5->status != STATUS_OK) return h5->status;
  h5_output_open(&h5->output, h5->temporary);
  h5_check_output(h5, "");
  if (h5->status != STATUS_OK) return h5->status;
  const hid_t access = file_access(h5);
  if (access >= 0 && make_properties(h5) && h5_output_use(&h5->output, access) >= 0)
    h5->file = H5Fcreate(h5->temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  if (h5->file < 0) h5_fail_library(h5, NULL, "cannot be written");
  h5_done(h5, access, H5Pclose);
  return h5->status;
}

enum status h5_commit(struct h5 *h5) {
  const bool begun = h5->output.file;
  if (h5->file >= 0 && H5Fclose(h5->file) < 0) h5_fail_library(h5, NULL, "cannot be written");
  h5_output_close(&h5->output);
  h5_check_output(h5, "");
  if (h5->status == STATUS_OK)
    h5->status = atomic_file_commit(h5->temporary, h5->path, h5->error);
  else if (begun)
    file_unlink(h5->temporary);
  end(h5);
  return h5->status;
}

// Whether another program holds HDF5's lock for writing. On a file system without locks none does.
static bool is_locked(int descriptor) {
  if (flock(descriptor, LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  (void)flock(descriptor, LOCK_UN);
  return false;
}

// Opens the file as soon as no program writes to it. Besides the lock HDF5 sets a mark in the file, which a program
// that dies leaves there.
static void open_unused(struct h5 *h5, int descriptor, hid_t access) {
  static const struct timespec pause = {.tv_nsec = WAIT_NS};
  struct reason reason = {.status = STATUS_OK};
  char path[FILE_PATH];
  bool locked = true;
  for (int wait = 0; h5->file < 0 && wait < WAITS; wait++) {
    if (wait > 0) nanosleep(&pause, NULL);
    if ((locked = is_locked(descriptor))) continue;
    h5->file = H5Fopen(file_path(h5->path, path), H5F_ACC_RDONLY, access);
    if (h5->file < 0) reason = find_reason(h5);
    if (!reason.in_use) break;
  }
  if (h5->file >= 0) return;
  if (locked)
    h5_fail(h5, STATUS_IO, "is in use by another program, which has it open for writing (HDF5's file lock)");
  else if (reason.in_use)
    h5_fail(h5, STATUS_IO,
            "is in use by another program, or was when that ended: it is marked as open for writing; if nobody has it "
            "open, h5clear -s takes the mark off");
  else
    h5_fail(h5, reason.status, "%s: %s",
            reason.status == STATUS_FORMAT ? "is damaged, or no HDF5 file" : "cannot be read", reason.text);
}

enum status h5_open(struct h5 *h5, const char *path, struct error *error) {
  begin(h5, path, false, error);
  struct stat info;
  if (h5->status != STATUS_OK) return h5->status;
  const int descriptor = file_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (descriptor < 0 || fstat(descriptor, &info) != 0)
    h5_fail(h5, STATUS_IO, "cannot be read: %s", strerror(errno));
  else if (!S_ISREG(info.st_mode))
    h5_fail(h5, STATUS_FORMAT, "is %s, not a file", file_kind(info.st_mode));
  else if (info.st_size == 0)
    h5_fail(h5, STATUS_FORMAT, "is empty");
  if (h5->status == STATUS_OK) {
    h5->bytes = (uint64_t)info.st_size;
    const hid_t access = file_access(h5);
    if (access >= 0)
      open_unused(h5, descriptor, access);
    else
      h5_fail_library(h5, NULL, "cannot be read");
    h5_done(h5, access, H5Pclose);
  }
  if (descriptor >= 0) close(descriptor);
  return h5->status;
}

enum status h5_close(struct h5 *h5) {
  if (h5->file >= 0 && H5Fclose(h5->file) < 0) h5_fail_library(h5, NULL, "cannot be closed");
  end(h5);
  return h5->status;
}

// --- names ---

const char *h5_name(struct h5 *h5, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(h5->name, sizeof h5->name, format, arguments);
  va_end(arguments);
  return h5->name;
}

void h5_group(struct h5 *h5, const char *name) {
  if (h5->status != STATUS_OK || !h5->writing) return;
  const hid_t group = H5Gcreate2(h5->file, name, h5->links, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0 || H5Gclose(group) < 0) h5_fail_library(h5, name, " cannot be written");
}

#include "common/base/guest_files.h"

#include "common/base/file.h"
#include "common/base/held_file.h"
#include "common/base/streams.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMITS = 5, LIBRARY_FILES = 256 };

// A descriptor of a library: it cannot be opened again.
struct library_file {
  int descriptor;
  dev_t device;
  ino_t inode;
};

static struct {
  bool begun;
  struct rlimit limit[LIMITS];
  size_t count; // of library, from guest_files_note_libraries to the next check
  struct library_file library[LIBRARY_FILES];
  bool has_mpi, has_lost; // has_lost: one of library was closed
} start;

static const struct {
  int resource;
  const char *name;
} limits[LIMITS] = {{RLIMIT_FSIZE, "file size"},
                    {RLIMIT_NOFILE, "open files"},
                    {RLIMIT_AS, "memory"},
                    {RLIMIT_DATA, "data"},
                    {RLIMIT_CPU, "processor time"}};

void guest_files_begin(void) {
  file_begin();
  streams_begin();
  start.begun = true;
  for (size_t i = 0; i < LIMITS; i++)
    if (getrlimit((__rlimit_resource_t)limits[i].resource, &start.limit[i]) != 0) start.begun = false;
}

static bool is_same(const struct library_file *file) {
  struct stat info;
  return fstat(file->descriptor, &info) == 0 && info.st_dev == file->device && info.st_ino == file->inode;
}

void guest_files_begin_mpi(void) { start.has_mpi = true; }

void guest_files_note_libraries(void) {
  DIR *directory = start.has_mpi ? opendir("/proc/self/fd") : NULL;
  const struct dirent *entry;
  start.count = 0;
  while (directory && start.count < LIBRARY_FILES && (entry = readdir(directory))) {
    const int descriptor = atoi(entry->d_name);
    struct stat info;
    if (descriptor <= STDERR_FILENO || held_file_of(descriptor) || fstat(descriptor, &info) != 0) continue;
    if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || S_ISCHR(info.st_mode)) continue;
    start.library[start.count++] = (struct library_file){descriptor, info.st_dev, info.st_ino};
  }
  if (directory) closedir(directory);
}

bool guest_files_have_libraries(void) { return !start.has_lost; }

#define ADD(text, size, ...) ((void)text_append((text), (size), strlen(text), __VA_ARGS__))

static void check_libraries(char *lost, size_t size) {
  bool first = true;
  for (size_t i = 0; i < start.count; i++) {
    if (is_same(&start.library[i])) continue;
    ADD(lost, size, "%s%d",
        !first  ? ", "
        : *lost ? ", and descriptors of MPI: "
                : "descriptors of MPI: ",
        start.library[i].descriptor);
    first = false;
  }
  start.has_lost |= !first;
  start.count = 0;
}

// Restores lowered limits. Raised limits stay, since a guest may need more of something.
static void check_limits(char *mended, char *lowered, size_t size) {
  for (size_t i = 0; start.begun && i < LIMITS; i++) {
    const __rlimit_resource_t resource = (__rlimit_resource_t)limits[i].resource;
    const struct rlimit *before = &start.limit[i];
    struct rlimit now, wanted;
    if (getrlimit(resource, &now) != 0 || now.rlim_cur >= before->rlim_cur) continue;
    wanted = now;
    wanted.rlim_cur = before->rlim_cur;
    if (wanted.rlim_max < before->rlim_max) wanted.rlim_max = before->rlim_max; // only root may raise it
    if (setrlimit(resource, &wanted) == 0) {
      ADD(mended, size, "%s%s", *mended ? ", " : "", limits[i].name);
      continue;
    }
    if (now.rlim_cur < now.rlim_max) {
      wanted = (struct rlimit){now.rlim_max, now.rlim_max};
      (void)setrlimit(resource, &wanted);
    }
    ADD(lowered, size, "%s%s to %llu", *lowered ? ", " : "", limits[i].name, (unsigned long long)now.rlim_max);
  }
}

static void join(char *text, const char *before, const char *names, const char *after) {
  if (*names) ADD(text, GUEST_FILES_TEXT, "%s%s%s%s", *text ? "; " : "", before, names, after);
}

enum status guest_files_check(char *mended, struct error *error) {
  enum { NAMES = 200 };
  char numbers[NAMES] = "", files[NAMES] = "", lost[NAMES] = "", raised[NAMES] = "", lowered[NAMES] = "";
  char failed[GUEST_FILES_TEXT] = "";
  mended[0] = 0;
  check_limits(raised, lowered, NAMES); // before files are opened
  held_files_check(files, lost, NAMES);
  streams_mend(numbers, NAMES);
  check_libraries(lost, NAMES);
  join(mended, "closed descriptor ", numbers, " (put back)");
  join(mended, "closed ", files, " (opened again)");
  join(mended, "lowered the limit of ", raised, " (set back)");
  join(failed, "closed ", lost, ", which cannot be opened again");
  join(failed, "lowered the hard limit of ", lowered, ", which cannot be set back");
  return *failed ? error_set(error, STATUS_FAILED, "%s", failed) : STATUS_OK;
}

#include "actor/fmi/archive.h"

#include "actor/fmi/library.h"
#include "common/base/file.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARCHIVE_EOF = 1, ARCHIVE_OK = 0, ARCHIVE_WARN = -20, CHUNK = 1 << 16, MOST_FILES = 100000, MOST_RATIO = 200 };
static const uint64_t MOST_BYTES = (uint64_t)4 << 30, FREE_BYTES = (uint64_t)64 << 20;

struct unpacking {
  struct archive_functions f;
  void *library, *archive;
  const char *file, *directory;
  uint64_t packed, bytes, files; // size of the file; unpacked so far
  struct error *error;
};

static enum status load(struct unpacking *u) {
  struct archive_functions *f = &u->f;
  const struct library_function functions[] = {{"archive_read_new", &f->read_new, false},
                                               {"archive_read_support_format_zip", &f->support_zip, false},
                                               {"archive_read_open_filename", &f->open_filename, false},
                                               {"archive_read_next_header", &f->next_header, false},
                                               {"archive_read_data", &f->read_data, false},
                                               {"archive_read_free", &f->read_free, false},
                                               {"archive_error_string", &f->error_string, false},
                                               {"archive_entry_pathname", &f->pathname, false},
                                               {"archive_entry_filetype", &f->filetype, false},
                                               {"archive_entry_hardlink", &f->hardlink, false}};
  u->library = library_open_system(ARCHIVE_LIBRARY, functions, sizeof functions / sizeof *functions, u->error);
  return u->library ? STATUS_OK : u->error->status;
}

static enum status fail_archive(struct unpacking *u, const char *what) {
  const char *reason = u->f.error_string(u->archive);
  return error_set(u->error, STATUS_FORMAT, "%s: %s: %s", u->file, what, reason ? reason : "no reason is known");
}

// A path with a component ".." or a slash first would lead out of the directory.
static bool leads_out(const char *path) {
  if (*path == '/' || *path == '\\' || (*path && path[1] == ':')) return true;
  for (const char *part = path; *part; part += strspn(part, "/\\")) {
    const size_t length = strcspn(part, "/\\");
    if (length == 2 && strncmp(part, "..", 2) == 0) return true;
    part += length;
  }
  return false;
}

static enum status check_entry(struct unpacking *u, const char *path, unsigned type, const char *link) {
  if (!path || !*path) return error_set(u->error, STATUS_FORMAT, "%s: a file in it has no readable name", u->file);
  if (leads_out(path))
    return error_set(u->error, STATUS_FORMAT, "%s: the path \"%.200s\" in it leads out of the archive; it is refused",
                     u->file, path);
  if (link || (type != S_IFREG && type != S_IFDIR))
    return error_set(u->error, STATUS_FORMAT, "%s: \"%.200s\" in it is neither a file nor a directory; it is refused",
                     u->file, path);
  if (++u->files > MOST_FILES)
    return error_set(u->error, STATUS_FORMAT, "%s: it holds more than %d files; it is refused", u->file, MOST_FILES);
  return STATUS_OK;
}

static enum status make_parents(struct unpacking *u, char *target) {
  for (char *slash = target + strlen(u->directory) + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    const bool good = mkdir(target, 0700) == 0 || errno == EEXIST;
    const int why = errno;
    *slash = '/';
    if (!good) return error_set(u->error, STATUS_IO, "%s: cannot make %s: %s", u->file, target, strerror(why));
  }
  return STATUS_OK;
}

static enum status check_size(struct unpacking *u) {
  if (u->bytes <= FREE_BYTES || (u->bytes <= MOST_BYTES && u->bytes / MOST_RATIO <= u->packed)) return STATUS_OK;
  return error_set(u->error, STATUS_FORMAT,
                   "%s: it unpacks to more than %llu bytes from %llu; as a zip bomb it is refused", u->file,
                   (unsigned long long)u->bytes, (unsigned long long)u->packed);
}

static enum status write_all(struct unpacking *u, int descriptor, const char *target, const char *bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(descriptor, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      return error_set(u->error, STATUS_IO, "%s: cannot write %s: %s", u->file, target, strerror(errno));
    bytes += written;
    size -= (size_t)written;
  }
  return STATUS_OK;
}

static enum status write_file(struct unpacking *u, const char *target) {
  char chunk[CHUNK];
  enum status status = STATUS_OK;
  const int descriptor = file_open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0700);
  if (descriptor < 0 && errno == EEXIST)
    return error_set(u->error, STATUS_FORMAT, "%s: \"%s\" is twice in it", u->file, target + strlen(u->directory) + 1);
  if (descriptor < 0)
    return error_set(u->error, STATUS_IO, "%s: cannot write %s: %s", u->file, target, strerror(errno));
  for (long size; status == STATUS_OK && (size = u->f.read_data(u->archive, chunk, sizeof chunk)) != 0;) {
    if (size < 0) {
      status = fail_archive(u, "it is damaged");
      break;
    }
    u->bytes += (uint64_t)size;
    status = check_size(u);
    if (status == STATUS_OK) status = write_all(u, descriptor, target, chunk, (size_t)size);
  }
  if (close(descriptor) != 0 && status == STATUS_OK)
    status = error_set(u->error, STATUS_IO, "%s: cannot write %s: %s", u->file, target, strerror(errno));
  return status;
}

static enum status unpack_entry(struct unpacking *u, void *entry) {
  char target[FILE_PATH];
  const char *path = u->f.pathname(entry);
  const unsigned type = u->f.filetype(entry);
  enum status status = check_entry(u, path, type, u->f.hardlink(entry));
  if (status == STATUS_OK) status = file_join(target, u->directory, path, u->error);
  for (char *c = target; status == STATUS_OK && *c; c++)
    if (*c == '\\') *c = '/'; // as some programs on Windows write it
  if (status == STATUS_OK) status = make_parents(u, target);
  if (status != STATUS_OK || target[strlen(target) - 1] == '/') return status;
  if (type == S_IFREG) return write_file(u, target);
  if (mkdir(target, 0700) == 0 || errno == EEXIST) return STATUS_OK;
  return error_set(u->error, STATUS_IO, "%s: cannot make %s: %s", u->file, target, strerror(errno));
}

static enum status unpack_all(struct unpacking *u) {
  char path[FILE_PATH];
  u->archive = u->f.read_new();
  if (!u->archive) return error_set(u->error, STATUS_MEMORY, "%s: not enough memory to unpack it", u->file);
  if (u->f.support_zip(u->archive) < ARCHIVE_WARN ||
      u->f.open_filename(u->archive, file_path(u->file, path), CHUNK) != ARCHIVE_OK)
    return fail_archive(u, "it cannot be read as a zip file, which an FMU is");
  for (;;) {
    void *entry = NULL;
    const int result = u->f.next_header(u->archive, &entry);
    if (result == ARCHIVE_EOF) return STATUS_OK;
    if (result < ARCHIVE_WARN || (result < ARCHIVE_OK && !entry))
      return fail_archive(u, u->files > 0 ? "it is damaged" : "it is no zip file, which an FMU is");
    const enum status status = unpack_entry(u, entry);
    if (status != STATUS_OK) return status;
  }
}

enum status archive_unpack(const char *file, const char *directory, struct error *error) {
  struct error own = {0};
  struct stat info;
  struct unpacking u = {.file = file, .directory = directory, .error = &own};
  enum status status = file_check_plain(file, &own);
  if (status == STATUS_OK && file_stat(file, &info) != 0)
    status = error_set(&own, STATUS_IO, "%s: %s", file, strerror(errno));
  if (status == STATUS_OK) {
    u.packed = (uint64_t)info.st_size;
    status = load(&u);
  }
  if (status == STATUS_OK) status = unpack_all(&u);
  if (u.archive) u.f.read_free(u.archive);
  if (u.library) dlclose(u.library);
  return status == STATUS_OK ? STATUS_OK : error_set(error, own.status, "%s", own.text);
}

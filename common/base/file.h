// Files as this program means them, whatever a library or an environment did to the process since its start:
//   - a relative path is one from the directory where the program was started;
//   - what is created has the mode that the umask of the start gives;
//   - a descriptor is never 0, 1 or 2, and no child inherits it.
// Before file_begin, and in libraries, which never call it, all are the plain calls.
#ifndef CORSAC_COMMON_BASE_FILE_H
#define CORSAC_COMMON_BASE_FILE_H

#include "common/base/status.h"
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILE_PATH = 4096 };

void file_begin(void); // once, before anything else runs in the process: notes the directory and the umask

// The path to be used for I/O: absolute, in `buffer` (FILE_PATH bytes), or `path` itself where that is it. Messages and
// files keep `path` as it was given.
const char *file_path(const char *path, char *buffer);
const char *file_directory(void); // where the program was started; NULL: nobody knows
// Writes directory/name into `buffer` (FILE_PATH bytes). STATUS_IO: the path is too long.
enum status file_join(char *buffer, const char *directory, const char *name, struct error *error);

// As open(2), stat(2) and so on; errno is set.
int file_open(const char *path, int flags, mode_t mode);
int file_stat(const char *path, struct stat *info);
bool file_allows(const char *path, int mode); // access(2) is 0
int file_mkdir(const char *path, mode_t mode);
int file_rmdir(const char *path);
int file_unlink(const char *path);
int file_rename(const char *from, const char *to);
int file_link(const char *from, const char *to);
DIR *file_opendir(const char *path);

// Opening a pipe or a device may wait for ever, so a file that is to be read has to be one. STATUS_IO: "PATH: is a
// pipe, not a file", or why it cannot be opened; errno is then ENOENT where there is none.
int file_open_plain(const char *path, int flags, struct error *error); // -1: failed
FILE *file_read_plain(const char *path, struct error *error);          // to be read; NULL: failed
enum status file_check_plain(const char *path, struct error *error);   // for a library that opens it itself
const char *file_kind(mode_t mode); // "a directory", "a pipe", "a socket", "a device", "a file"

int file_move_up(int descriptor, int lowest); // to a number of at least `lowest`; the same one where that cannot be
void file_close_from(int first);              // closes every descriptor from `first` on

#endif

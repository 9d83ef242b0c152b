// Calls on files that do not depend on what a library or an environment did to the process since its start:
//   - A relative path starts at the directory where the program was started.
//   - A new file has the mode that the umask of the start gives.
//   - A descriptor is never 0, 1 or 2, and no child inherits it.
// Before file_begin these are the plain calls. Our libraries never call file_begin.
#ifndef CORSAC_COMMON_BASE_FILE_H
#define CORSAC_COMMON_BASE_FILE_H

#include "common/base/status.h"
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILE_PATH = 4096 };

// Notes the directory and the umask. Call it once, before anything else runs in the process.
void file_begin(void);

// The path for I/O: absolute, in `buffer` (FILE_PATH bytes), or `path` itself if it is absolute. Messages and files
// keep `path` as it was given.
const char *file_path(const char *path, char *buffer);

// The directory where the program was started; NULL: unknown.
const char *file_directory(void);

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

// These accept plain files only, since opening a pipe or a device may wait for ever. On failure the error is STATUS_IO:
// "PATH: is a pipe, not a file", or why the file cannot be opened. errno is ENOENT where there is no such file.

// Opens the file. Returns -1 on failure.
int file_open_plain(const char *path, int flags, struct error *error);

// Opens the file for reading. Returns NULL on failure.
FILE *file_read_plain(const char *path, struct error *error);

// Only checks the file, for a library that opens it by path.
enum status file_check_plain(const char *path, struct error *error);

// "a directory", "a pipe", "a socket", "a device", "a file"
const char *file_kind(mode_t mode);

// Moves a descriptor to a number of at least `lowest`. Returns the new descriptor, or the same one on failure.
int file_move_up(int descriptor, int lowest);

// Closes every descriptor from `first` on.
void file_close_from(int first);

#endif

// Copies and removes directories with all that is in them. Neither follows a symbolic link below the directory that it
// is given, so nothing outside of it is read or removed.
#ifndef CORSAC_COMMON_BASE_FILE_TREE_H
#define CORSAC_COMMON_BASE_FILE_TREE_H

#include "common/base/status.h"

#define SCRATCH_MARK ".corsac" // the file in a directory that corsac made for a child process (actor/envs/scratch.h)

// Called now and then while a large tree is worked on. call may be NULL.
struct file_tree_waiting {
  void (*call)(void *who);
  void *who;
};

// Copies what is in the directory `from` into the directory `to`, which is there: files and directories with their
// modes, symbolic links as they are. An entry of `from` itself with the name `except` is left out; NULL: none is.
// Anything else (a pipe, a socket, a device) fails. STATUS_IO: the text names the path. What was copied so far stays.
enum status file_tree_copy(const char *from, const char *to, const char *except, struct error *error);

// Removes the directory and all that is in it. Its entry with the name `last` goes after all others, so that it is
// still there where the rest could not be removed; NULL: none does. Another file system that is mounted below it is not
// entered. STATUS_IO: the text names the path, and what could be removed is gone.
enum status file_tree_remove(const char *path, const char *last, struct file_tree_waiting waiting, struct error *error);

// Whether `from` can be copied to `to`, which need not be there yet: it is a directory, and neither lies in the other.
// STATUS_USAGE: not so.
enum status file_tree_check_source(const char *from, const char *to, struct error *error);
#endif

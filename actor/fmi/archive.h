// Unpacks an FMU, which is a zip file, with libarchive.
#ifndef CORSAC_ACTOR_FMI_ARCHIVE_H
#define CORSAC_ACTOR_FMI_ARCHIVE_H

#include "common/base/status.h"
#include <stddef.h>

// What libarchive exports, as far as it is used. archive and entry are struct archive * and struct archive_entry *.
struct archive_functions {
  void *(*read_new)(void);
  int (*support_zip)(void *archive);
  int (*open_filename)(void *archive, const char *file, size_t block_size);
  int (*next_header)(void *archive, void **entry);
  long (*read_data)(void *archive, void *buffer, size_t size);
  int (*read_free)(void *archive);
  const char *(*error_string)(void *archive);
  const char *(*pathname)(void *entry);
  unsigned int (*filetype)(void *entry);
  const char *(*hardlink)(void *entry);
};
#define ARCHIVE_LIBRARY "libarchive.so.13"

// Unpacks all files into the directory, which exists and is empty. STATUS_IO: the file cannot be read, or no space.
// STATUS_FORMAT: it is no zip file, is damaged, or is refused: a path that leads out of the directory, a link, a name
// twice, more than 4 GiB or 100,000 files, or more than 64 MiB from a file that is 200 times smaller.
enum status archive_unpack(const char *file, const char *directory, struct error *error);

#endif

// A file of TensorBoard's records: events.out.tfevents.<time>.<host>.<pid>.0 of a directory.
//
//   record = length (8 bytes) | masked crc of these 8 | data (length bytes) | masked crc of the data      little-endian
//   masked crc = rotate_right(crc32c, 15) + 0xa282ead8 (mod 2^32)
#ifndef CORSAC_LEARNER_RUN_EVENT_FILE_H
#define CORSAC_LEARNER_RUN_EVENT_FILE_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

// Castagnoli's checksum, as in RFC 3720.
uint32_t event_file_crc32c(const void *data, size_t size);
uint32_t event_file_mask(uint32_t crc);

enum { EVENT_FILE_HEAD = 12, EVENT_FILE_TAIL = 4 }; // bytes around the data

struct event_file;

// Makes a new file. The time in its name is later than in those of the directory, since readers take the files by name.
struct event_file *event_file_create(const char *directory, struct error *error);
void event_file_close(struct event_file *file);
const char *event_file_path(const struct event_file *file);

// Appends a record by one write. On failure (a full disk) nothing of it stays. Readers skip what a killed process left
// of one.
enum status event_file_append(struct event_file *file, const void *data, size_t size, struct error *error);
#endif

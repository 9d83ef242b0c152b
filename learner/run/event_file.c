#include "learner/run/event_file.h"

#include "common/base/file.h"
#include "common/base/held_file.h"
#include "common/base/memory.h"
#include "learner/run/append.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define EVENT_FILE_NAME "events.out.tfevents."

struct event_file {
  char path[FILE_PATH];
  struct held_file *held;
};

// Four bits a turn: entry i of the table is the remainder of i by the reflected polynomial 0x82f63b78.
uint32_t event_file_crc32c(const void *data, size_t size) {
  static const uint32_t remainder[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                         0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                         0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
  const uint8_t *bytes = data;
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    crc = crc >> 4 ^ remainder[crc & 15];
    crc = crc >> 4 ^ remainder[crc & 15];
  }
  return ~crc;
}

uint32_t event_file_mask(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

static void put_little_endian(uint8_t *to, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> 8 * i);
}

// Returns the time in the name of the newest event file, or 0 where there is none.
static long long newest_time(const char *directory) {
  long long newest = 0, time;
  DIR *open = file_opendir(directory);
  if (!open) return 0;
  const struct dirent *entry;
  while ((entry = readdir(open)))
    if (sscanf(entry->d_name, EVENT_FILE_NAME "%10lld.", &time) == 1 && time > newest) newest = time;
  closedir(open);
  return newest;
}

struct event_file *event_file_create(const char *directory, struct error *error) {
  struct event_file *file = memory_alloc(1, sizeof *file, "a TensorBoard file", error);
  if (!file) return NULL;
  char host[128] = "localhost", name[256];
  long long time_now = (long long)time(NULL);
  const long long newest = newest_time(directory);
  if (time_now <= newest) time_now = newest + 1; // a resume in the same second, or after the clock was set back
  (void)gethostname(host, sizeof host - 1);
  snprintf(name, sizeof name, EVENT_FILE_NAME "%010lld.%s.%ld.0", time_now, host, (long)getpid());
  if (file_join(file->path, directory, name, error) != STATUS_OK) goto fail;
  file->held = held_file_open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, error);
  if (file->held) return file;
fail:
  memory_free(file);
  return NULL;
}

void event_file_close(struct event_file *file) {
  if (!file) return;
  held_file_close(file->held);
  memory_free(file);
}

const char *event_file_path(const struct event_file *file) { return file->path; }

enum status event_file_append(struct event_file *file, const void *data, size_t size, struct error *error) {
  uint8_t head[EVENT_FILE_HEAD], tail[EVENT_FILE_TAIL];
  put_little_endian(head, size, 8);
  put_little_endian(head + 8, event_file_mask(event_file_crc32c(head, 8)), 4);
  put_little_endian(tail, event_file_mask(event_file_crc32c(data, size)), 4);
  const struct iovec parts[] = {{head, sizeof head}, {(void *)(uintptr_t)data, size}, {tail, sizeof tail}};
  return append_whole(file->held, file->path, parts, 3, "record", error);
}

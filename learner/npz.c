#include "learner/npz.h"

#include "common/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// The zip format: APPNOTE.TXT of PKWARE. A local head before each file's bytes, and a list of all at the end.
enum {
  LOCAL = 30,
  LISTED = 46,
  END = 22,
  STORED = 0,
  DEFLATED = 8,
  HEADER = 128, // of our .npy: the text ends at a multiple of 64
  NAME = 128,
  MOST_BYTES = 0x7fffffff
};
static const uint32_t LOCAL_MAGIC = 0x04034b50, LISTED_MAGIC = 0x02014b50, END_MAGIC = 0x06054b50;

static uint32_t get16(const uint8_t *p) { return (uint32_t)(p[0] | p[1] << 8); }
static uint32_t get32(const uint8_t *p) { return get16(p) | get16(p + 2) << 16; }

// --- reading ---

static enum status damaged(const struct npz *npz, const char *name, const char *what, struct error *error) {
  return error_set(error, STATUS_FORMAT, "%s: %s%s%s: %s", npz->path, name ? "array " : "the file", name ? name : "",
                   name ? "" : "'s list", what);
}

static enum status read_bytes(struct npz *npz, struct error *error) {
  FILE *file = file_read_plain(npz->path, error);
  if (!file) return STATUS_IO;
  enum status status = fseek(file, 0, SEEK_END) == 0 ? STATUS_OK : STATUS_IO;
  const long size = ftell(file);
  if (size > MOST_BYTES) status = error_set(error, STATUS_FORMAT, "%s: %ld bytes are no policy", npz->path, size);
  if (size < 0) status = STATUS_IO;
  rewind(file);
  if (status == STATUS_OK) status = buffer_reserve(&npz->file, (size_t)size + 1, error);
  if (status == STATUS_OK) npz->file.size = fread(npz->file.data, 1, (size_t)size, file);
  if (status == STATUS_IO || (status == STATUS_OK && npz->file.size != (size_t)size))
    status = error_set(error, STATUS_IO, "%s: cannot be read: %s", npz->path, strerror(errno));
  fclose(file);
  return status;
}

enum status npz_open(struct npz *npz, const char *path, struct error *error) {
  *npz = (struct npz){.path = path};
  const enum status status = read_bytes(npz, error);
  if (status != STATUS_OK) return status;
  const size_t size = npz->file.size;
  for (size_t back = END; back <= size && back <= END + 65535; back++) {
    const uint8_t *end = npz->file.data + size - back;
    if (get32(end) != END_MAGIC) continue;
    npz->entries = get16(end + 10);
    npz->directory_size = get32(end + 12);
    npz->directory = get32(end + 16);
    if (npz->directory > size || npz->directory_size > size - npz->directory) break;
    return STATUS_OK;
  }
  return error_set(error, STATUS_FORMAT, "%s: is not a whole .npz file: it was cut off, or is something else", path);
}

void npz_release(struct npz *npz) {
  buffer_release(&npz->file);
  buffer_release(&npz->list);
}

// The entry `name`.npy of the list, or NULL. *damage: the list cannot be walked so far.
static const uint8_t *find(const struct npz *npz, const char *name, bool *damage) {
  const uint8_t *at = npz->file.data + npz->directory, *end = at + npz->directory_size;
  const size_t length = strlen(name);
  *damage = false;
  for (size_t i = 0; i < npz->entries; i++) {
    *damage = end - at < LISTED || get32(at) != LISTED_MAGIC;
    if (*damage) return NULL;
    const size_t name_size = get16(at + 28), all = LISTED + name_size + get16(at + 30) + get16(at + 32);
    *damage = all > (size_t)(end - at);
    if (*damage) return NULL;
    const char *here = (const char *)at + LISTED;
    if (name_size == length + 4 && memcmp(here, name, length) == 0 && memcmp(here + length, ".npy", 4) == 0) return at;
    at += all;
  }
  return NULL;
}

bool npz_has(const struct npz *npz, const char *name) {
  bool damage;
  return find(npz, name, &damage) != NULL;
}

static bool inflate_all(const uint8_t *from, size_t size, uint8_t *to, size_t room) {
  z_stream stream = {
      .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)room};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.total_out == room;
  return inflateEnd(&stream) == Z_OK && whole;
}

// The bytes of an entry, unpacked and compared with its checksum: `bytes` is the caller's to release.
static enum status unpack(const struct npz *npz, const char *name, struct buffer *bytes, struct error *error) {
  bool damage;
  const uint8_t *listed = find(npz, name, &damage);
  if (damage) return damaged(npz, NULL, "is damaged", error);
  if (!listed) return error_set(error, STATUS_FORMAT, "%s: has no array %s", npz->path, name);
  const size_t packed = get32(listed + 20), size = get32(listed + 24), start = get32(listed + 42);
  const uint32_t method = get16(listed + 10);
  const uint8_t *local = npz->file.data + start;
  if (start + LOCAL > npz->directory || get32(local) != LOCAL_MAGIC) return damaged(npz, name, "is damaged", error);
  const size_t data = start + LOCAL + get16(local + 26) + get16(local + 28);
  if (data > npz->directory || packed > npz->directory - data || size / 1100 > packed)
    return damaged(npz, name, "its size is not that of its bytes", error);
  if ((method != STORED && method != DEFLATED) || (method == STORED && packed != size))
    return damaged(npz, name, "is packed in a way that NumPy does not use", error);
  const enum status status = buffer_reserve(bytes, size + 1, error);
  if (status != STATUS_OK) return status;
  bytes->size = size;
  if (method == STORED)
    memcpy(bytes->data, npz->file.data + data, size);
  else if (!inflate_all(npz->file.data + data, packed, bytes->data, size))
    return damaged(npz, name, "cannot be unpacked", error);
  if (crc32(0, bytes->data, (uInt)size) != get32(listed + 16))
    return damaged(npz, name, "its checksum does not agree", error);
  return STATUS_OK;
}

// An .npy: its type, its shape, and where its numbers are.
struct array {
  char kind; // f i u b U
  size_t width;
  int rank;
  uint64_t dim[2], count;
  const uint8_t *data;
};

// The value of a key in the header, a Python literal: "{'descr': '<f4', 'fortran_order': False, 'shape': (64, 3), }"
static const char *value_of(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at) return "";
  at += strlen(key);
  return at + strspn(at, ": ");
}

static bool parse_shape(const char *text, struct array *array) {
  array->dim[0] = array->dim[1] = array->count = 1;
  if (*text++ != '(') return false;
  for (text += strspn(text, " "); *text != ')'; text += strspn(text, ", ")) {
    char *end;
    if (array->rank == 2 || *text < '0' || *text > '9') return false;
    const uint64_t dim = strtoull(text, &end, 10);
    if (dim > MOST_BYTES || array->count * dim > MOST_BYTES) return false;
    array->dim[array->rank++] = dim;
    array->count *= dim;
    text = end;
  }
  return true;
}

static bool parse_type(const char *text, struct array *array) {
  char *end;
  const char quote = text[0];
  if ((quote != '\'' && quote != '"') || !strchr("<|", text[1]) || !text[2] || !strchr("fiubU", text[2])) return false;
  array->kind = text[2];
  array->width = strtoul(text + 3, &end, 10) * (array->kind == 'U' ? 4 : 1);
  if (*end != quote || array->width > MOST_BYTES) return false;
  const size_t w = array->width;
  return array->kind == 'U' || w == 8 || (w == 4 && array->kind != 'b') || (w == 1 && array->kind != 'f');
}

static enum status parse(const struct npz *npz, const char *name, struct buffer *bytes, struct array *array,
                         struct error *error) {
  *array = (struct array){0};
  if (bytes->size < 12 || memcmp(bytes->data, "\x93NUMPY", 6) != 0) return damaged(npz, name, "is no .npy", error);
  const bool old = bytes->data[6] == 1;
  const size_t begin = old ? 10 : 12, length = old ? get16(bytes->data + 8) : get32(bytes->data + 8);
  char header[1024];
  if (length >= sizeof header || length > bytes->size - begin) return damaged(npz, name, "has a bad header", error);
  memcpy(header, bytes->data + begin, length);
  header[length] = 0;
  if (!parse_type(value_of(header, "'descr'"), array))
    return damaged(npz, name, "its numbers are of a type that is not known here (float32, float64, integers)", error);
  if (!parse_shape(value_of(header, "'shape'"), array))
    return damaged(npz, name, "has a shape that makes no sense, or more than 2 dimensions", error);
  if (strncmp(value_of(header, "'fortran_order'"), "False", 5) != 0 && array->rank == 2)
    return damaged(npz, name, "is in Fortran's order; numpy.ascontiguousarray puts it into C's", error);
  array->data = bytes->data + begin + length;
  if (array->width * array->count != bytes->size - begin - length)
    return damaged(npz, name, "its size is not that of its shape", error);
  return STATUS_OK;
}

static enum status load(const struct npz *npz, const char *name, struct buffer *bytes, struct array *array,
                        struct error *error) {
  const enum status status = unpack(npz, name, bytes, error);
  return status == STATUS_OK ? parse(npz, name, bytes, array, error) : status;
}

enum status npz_shape(const struct npz *npz, const char *name, uint64_t dim[2], struct error *error) {
  struct buffer bytes = {0};
  struct array array;
  const enum status status = load(npz, name, &bytes, &array, error);
  if (status == STATUS_OK) memcpy(dim, array.dim, sizeof array.dim);
  buffer_release(&bytes);
  return status;
}

static double number_at(const struct array *array, uint64_t i) {
  const uint8_t *p = array->data + i * array->width;
  union {
    float f;
    double d;
    int32_t i32;
    int64_t i64;
  } number;
  memcpy(&number, p, array->width < sizeof number ? array->width : sizeof number);
  if (array->kind == 'f') return array->width == 4 ? (double)number.f : number.d;
  if (array->width == 1) return p[0];
  return array->width == 4 ? (double)number.i32 : (double)number.i64;
}

static void convert(const struct array *array, enum npz_type type, void *data) {
  for (uint64_t i = 0; i < array->count; i++) {
    const double value = number_at(array, i);
    if (type == NPZ_FLOAT) ((float *)data)[i] = (float)value;
    if (type == NPZ_DOUBLE) ((double *)data)[i] = value;
    if (type == NPZ_U64) ((uint64_t *)data)[i] = value >= 0 && value < 0x1p63 ? (uint64_t)value : 0;
  }
}

enum status npz_read(const struct npz *npz, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                     void *data, struct error *error) {
  struct buffer bytes = {0};
  struct array array;
  const int rank = columns ? 2 : 1;
  enum status status = load(npz, name, &bytes, &array, error);
  const bool fits = status == STATUS_OK && array.dim[0] == rows && (!columns || array.dim[1] == columns) &&
                    (array.rank == rank || (array.rank == 0 && rows == 1));
  if (status == STATUS_OK && array.kind == 'U') status = damaged(npz, name, "is text where numbers should be", error);
  if (status == STATUS_OK && !fits)
    status = error_set(error, STATUS_MISMATCH, "%s: array %s is (%llu x %llu), not (%llu x %llu)", npz->path, name,
                       (unsigned long long)array.dim[0], (unsigned long long)array.dim[1], (unsigned long long)rows,
                       (unsigned long long)(columns ? columns : 1));
  if (status == STATUS_OK) convert(&array, type, data);
  buffer_release(&bytes);
  return status;
}

// NumPy's text is UTF-32; names are ASCII, anything else becomes a '?'.
enum status npz_read_text(const struct npz *npz, const char *name, char *text, size_t size, struct error *error) {
  struct buffer bytes = {0};
  struct array array;
  enum status status = load(npz, name, &bytes, &array, error);
  if (status == STATUS_OK && array.kind != 'U') status = damaged(npz, name, "is no text", error);
  size_t length = 0;
  for (; status == STATUS_OK && length < array.width / 4 && length + 1 < size; length++) {
    const uint32_t c = get32(array.data + 4 * length);
    if (c == 0) break;
    text[length] = c < 127 && c >= 32 ? (char)c : '?';
  }
  text[length] = 0;
  buffer_release(&bytes);
  return status;
}

// --- writing ---

void npz_begin(struct npz *npz) { *npz = (struct npz){.path = ""}; }

static enum status append(struct buffer *buffer, const void *bytes, size_t size, struct error *error) {
  const size_t needed = buffer->size + size, twice = 2 * buffer->capacity;
  if (needed > buffer->capacity) {
    const enum status status = buffer_reserve(buffer, needed > twice ? needed : twice, error);
    if (status != STATUS_OK) return status;
  }
  memcpy(buffer->data + buffer->size, bytes, size);
  buffer->size += size;
  return STATUS_OK;
}

static void put(uint8_t *p, size_t bytes, uint64_t value) {
  for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)(value >> 8 * i);
}

// Magic, version 1.0, the length of the text, and the text with blanks up to HEADER bytes.
static void make_header(enum npz_type type, uint64_t rows, uint64_t columns, size_t length, uint8_t header[HEADER]) {
  char shape[48] = "()", kind[32] = "<f4", text[HEADER];
  if (columns)
    snprintf(shape, sizeof shape, "(%llu, %llu)", (unsigned long long)rows, (unsigned long long)columns);
  else if (rows)
    snprintf(shape, sizeof shape, "(%llu,)", (unsigned long long)rows);
  if (type == NPZ_DOUBLE) snprintf(kind, sizeof kind, "<f8");
  if (type == NPZ_U64) snprintf(kind, sizeof kind, "<i8");
  if (type == NPZ_TEXT) snprintf(kind, sizeof kind, "<U%zu", length ? length : 1);
  const int used = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", kind, shape);
  memset(header, ' ', HEADER);
  memcpy(header, "\x93NUMPY\1", 8); // and the minor version, 0
  put(header + 8, 2, HEADER - 10);
  memcpy(header + 10, text, (size_t)used);
  header[HEADER - 1] = '\n';
}

// head: the local head from its 5th byte on, which the list repeats from its 7th on.
static enum status add_file(struct npz *npz, const char *name, const struct buffer *bytes, struct error *error) {
  const size_t length = strlen(name);
  uint8_t local[LOCAL + NAME] = {0}, listed[LISTED + NAME] = {0};
  put(local, 4, LOCAL_MAGIC);
  put(local + 4, 2, 20);          // version 2.0
  put(local + 12, 2, 1 << 5 | 1); // 1 January 1980: the same policy is the same file
  put(local + 14, 4, crc32(0, bytes->data, (uInt)bytes->size));
  put(local + 18, 4, bytes->size);
  put(local + 22, 4, bytes->size);
  put(local + 26, 2, length);
  memcpy(local + LOCAL, name, length);
  put(listed, 4, LISTED_MAGIC);
  put(listed + 4, 2, 20);
  memcpy(listed + 6, local + 4, LOCAL - 4);
  put(listed + 42, 4, npz->file.size);
  memcpy(listed + LISTED, name, length);
  enum status status = append(&npz->file, local, LOCAL + length, error);
  if (status == STATUS_OK) status = append(&npz->file, bytes->data, bytes->size, error);
  if (status == STATUS_OK) status = append(&npz->list, listed, LISTED + length, error);
  npz->entries++;
  return status;
}

enum status npz_add(struct npz *npz, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                    const void *data, struct error *error) {
  uint8_t header[HEADER];
  char file[NAME];
  struct buffer bytes = {0};
  const char *text = data;
  const size_t length = type == NPZ_TEXT ? strlen(text) : 0;
  const size_t count = (size_t)((rows ? rows : 1) * (columns ? columns : 1));
  if ((size_t)snprintf(file, sizeof file, "%s.npy", name) >= sizeof file)
    return error_set(error, STATUS_FAILED, "array %s: the name is too long", name);
  make_header(type, rows, columns, length, header);
  enum status status = append(&bytes, header, sizeof header, error);
  if (status == STATUS_OK && type != NPZ_TEXT)
    status = append(&bytes, data, count * (type == NPZ_FLOAT ? sizeof(float) : sizeof(double)), error);
  for (size_t i = 0; status == STATUS_OK && type == NPZ_TEXT && i < (length ? length : 1); i++) {
    uint8_t character[4];
    put(character, 4, (uint8_t)text[i]);
    status = append(&bytes, character, sizeof character, error);
  }
  if (status == STATUS_OK && npz->file.size + bytes.size > MOST_BYTES)
    status = error_set(error, STATUS_FAILED, "more than 2 GiB do not go into an .npz");
  if (status == STATUS_OK) status = add_file(npz, file, &bytes, error);
  buffer_release(&bytes);
  return status;
}

enum status npz_end(struct npz *npz, struct error *error) {
  uint8_t end[END] = {0};
  put(end, 4, END_MAGIC);
  put(end + 8, 2, npz->entries);
  put(end + 10, 2, npz->entries);
  put(end + 12, 4, npz->list.size);
  put(end + 16, 4, npz->file.size);
  const enum status status = append(&npz->file, npz->list.data, npz->list.size, error);
  return status == STATUS_OK ? append(&npz->file, end, sizeof end, error) : status;
}

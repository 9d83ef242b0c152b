#include "learner/storage/npz.h"

#include "common/base/file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// The zip format is described in PKWARE's APPNOTE.TXT: a local head before the bytes of each file, and a list of all
// files at the end.
enum {
  LOCAL = 30,      // bytes of a local head
  LISTED = 46,     // bytes of an entry of the list
  END = 22,        // bytes after the list
  STORED = 0,      // a method of packing
  DEFLATED = 8,    // the other one
  ENCRYPTED = 1,   // a flag of an entry
  HEADER = 128,    // bytes of the header of a written .npy, a multiple of 64
  NAME = 128,      // bytes of the longest name
  SMALL = 1 << 20, // bytes that may be packed to any ratio; also the longest text
  MAX_RATIO = 100, // of all else; zlib packs zeros 1000 to 1, but few weights are 0
  MAX_ENTRIES = 1000,
  MAX_BYTES = 0x7fffffff
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
  if (size > MAX_BYTES) status = error_set(error, STATUS_FORMAT, "%s: %ld bytes are no policy", npz->path, size);
  if (size < 0) status = STATUS_IO;
  rewind(file);
  if (status == STATUS_OK) status = buffer_reserve(&npz->file, (size_t)size + 1, error);
  if (status == STATUS_OK) npz->file.size = fread(npz->file.data, 1, (size_t)size, file);
  if (status == STATUS_IO || (status == STATUS_OK && npz->file.size != (size_t)size))
    status = error_set(error, STATUS_IO, "%s: cannot be read: %s", npz->path, strerror(errno));
  fclose(file);
  return status;
}

void npz_release(struct npz *npz) {
  buffer_release(&npz->file);
  buffer_release(&npz->list);
}

// One entry of the list.
struct entry {
  const uint8_t *at;
  const char *name; // not terminated
  size_t name_size;
};

// Reads the entry at `from` (NULL: the first) and moves `from` to the next one; false: the list is damaged there.
static bool read_entry(const struct npz *npz, const uint8_t **from, struct entry *entry) {
  const uint8_t *end = npz->file.data + npz->directory + npz->directory_size;
  const uint8_t *at = *from ? *from : npz->file.data + npz->directory;
  if (end - at < LISTED || get32(at) != LISTED_MAGIC) return false;
  const size_t name_size = get16(at + 28), all = LISTED + name_size + get16(at + 30) + get16(at + 32);
  if (all > (size_t)(end - at)) return false;
  *entry = (struct entry){at, (const char *)at + LISTED, name_size};
  *from = at + all;
  return true;
}

static bool same_name(const struct entry *a, const struct entry *b) {
  return a->name_size == b->name_size && memcmp(a->name, b->name, a->name_size) == 0;
}

// Checks the whole list. Two arrays of one name are refused, because another reader may take the other one.
static enum status check_list(const struct npz *npz, struct error *error) {
  const uint8_t *next = NULL;
  if (npz->entries > MAX_ENTRIES)
    return error_set(error, STATUS_FORMAT, "%s: %zu arrays are no policy", npz->path, npz->entries);
  for (size_t i = 0; i < npz->entries; i++) {
    struct entry entry, other;
    if (!read_entry(npz, &next, &entry)) return damaged(npz, NULL, "is damaged", error);
    const uint8_t *rest = next;
    for (size_t k = i + 1; k < npz->entries && read_entry(npz, &rest, &other); k++)
      if (same_name(&entry, &other))
        return error_set(error, STATUS_FORMAT, "%s: %.*s is in it twice", npz->path, (int)entry.name_size, entry.name);
  }
  return STATUS_OK;
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
    return check_list(npz, error);
  }
  return error_set(error, STATUS_FORMAT, "%s: is not a whole .npz file: it was cut off, or is something else", path);
}

// The entry `name`.npy of the list, or NULL.
static const uint8_t *find(const struct npz *npz, const char *name) {
  const size_t length = strlen(name);
  const uint8_t *next = NULL;
  struct entry entry;
  for (size_t i = 0; i < npz->entries && read_entry(npz, &next, &entry); i++)
    if (entry.name_size == length + 4 && memcmp(entry.name, name, length) == 0 &&
        memcmp(entry.name + length, ".npy", 4) == 0)
      return entry.at;
  return NULL;
}

bool npz_has(const struct npz *npz, const char *name) { return find(npz, name) != NULL; }

// The packed bytes of an array.
struct packed {
  const uint8_t *bytes;
  size_t size, unpacked;
  bool deflated;
  uint32_t checksum;
};

static enum status locate(const struct npz *npz, const char *name, struct packed *packed, struct error *error) {
  const uint8_t *listed = find(npz, name);
  if (!listed) return error_set(error, STATUS_FORMAT, "%s: has no array %s", npz->path, name);
  const size_t start = get32(listed + 42), name_size = get16(listed + 28);
  const uint32_t method = get16(listed + 10);
  const uint8_t *local = npz->file.data + start;
  *packed = (struct packed){.size = get32(listed + 20),
                            .unpacked = get32(listed + 24),
                            .deflated = method == DEFLATED,
                            .checksum = get32(listed + 16)};
  if (start + LOCAL > npz->directory || get32(local) != LOCAL_MAGIC) return damaged(npz, name, "is damaged", error);
  const size_t data = start + LOCAL + get16(local + 26) + get16(local + 28);
  if (data > npz->directory || packed->size > npz->directory - data)
    return damaged(npz, name, "its size is not that of its bytes", error);
  if (get16(local + 26) != name_size || memcmp(local + LOCAL, listed + LISTED, name_size) != 0)
    return damaged(npz, name, "has another name in the list than where it stands", error);
  if (get16(listed + 8) & ENCRYPTED) return damaged(npz, name, "is encrypted", error);
  if ((method != STORED && method != DEFLATED) || (method == STORED && packed->size != packed->unpacked))
    return damaged(npz, name, "is packed in a way that NumPy does not use", error);
  if (packed->unpacked > MAX_BYTES || (packed->unpacked > SMALL && packed->unpacked / MAX_RATIO > packed->size))
    return damaged(npz, name, "unpacks to more than the numbers of a policy can be packed", error);
  packed->bytes = npz->file.data + data;
  return STATUS_OK;
}

// Unpacks the first `size` bytes, or all of them.
static bool inflate_some(const struct packed *packed, uint8_t *to, size_t size) {
  z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed->bytes,
                     .avail_in = (uInt)packed->size,
                     .next_out = to,
                     .avail_out = (uInt)size};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  const bool all = size == packed->unpacked;
  const int result = inflate(&stream, all ? Z_FINISH : Z_SYNC_FLUSH);
  const bool good = stream.total_out == size && (all ? result == Z_STREAM_END : result == Z_OK);
  return inflateEnd(&stream) == Z_OK && good;
}

static bool unpack(const struct packed *packed, uint8_t *to, size_t size) {
  if (packed->deflated) return inflate_some(packed, to, size);
  memcpy(to, packed->bytes, size);
  return true;
}

// An .npy: its type, its shape and its numbers.
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
    if (dim > MAX_BYTES || array->count * dim > MAX_BYTES) return false;
    array->dim[array->rank++] = dim;
    array->count *= dim;
    text = end;
  }
  return true;
}

// Parses '<f4' or '|i1': byte order ('|' for a single byte), kind, bytes.
static bool parse_type(const char *text, struct array *array) {
  static const struct {
    char kind;
    const char *widths;
  } known[] = {{'f', "48"}, {'i', "1248"}, {'u', "1248"}, {'b', "1"}};
  const char quote = text[0], order = quote ? text[1] : 0, kind = order ? text[2] : 0;
  if ((quote != '\'' && quote != '"') || (order != '<' && order != '|') || !kind) return false;
  const char *digits = text + 3;
  const size_t length = strspn(digits, "0123456789");
  if (length == 0 || length > 9 || digits[length] != quote) return false;
  array->kind = kind;
  array->width = strtoul(digits, NULL, 10) * (kind == 'U' ? 4 : 1);
  if (kind == 'U') return array->width <= SMALL;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].kind == kind) return length == 1 && strchr(known[i].widths, digits[0]);
  return false;
}

static enum status refuse_type(const struct npz *npz, const char *name, const char *descr, struct error *error) {
  return error_set(error, STATUS_FORMAT,
                   "%s: array %s: its numbers are of a type that is not known here: %.*s (little-endian float32, "
                   "float64, integers and bool are)",
                   npz->path, name, (int)strcspn(descr, ",}"), descr);
}

// Parses the header of an .npy from its first `size` bytes. begin: where the numbers begin.
static enum status parse(const struct npz *npz, const char *name, const uint8_t *bytes, size_t size,
                         struct array *array, size_t *begin, struct error *error) {
  char header[1024];
  *array = (struct array){0};
  if (size < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0) return damaged(npz, name, "is no .npy", error);
  const bool old = bytes[6] == 1;
  const size_t text = old ? 10 : 12, length = old ? get16(bytes + 8) : get32(bytes + 8);
  if (length >= sizeof header || length > size - text) return damaged(npz, name, "has a bad header", error);
  memcpy(header, bytes + text, length);
  header[length] = 0;
  const char *descr = value_of(header, "'descr'");
  if (!parse_type(descr, array)) return refuse_type(npz, name, descr, error);
  if (!parse_shape(value_of(header, "'shape'"), array))
    return damaged(npz, name, "has a shape that makes no sense, or more than 2 dimensions", error);
  if (strncmp(value_of(header, "'fortran_order'"), "False", 5) != 0 && array->rank == 2)
    return damaged(npz, name, "is in Fortran's order; numpy.ascontiguousarray puts it into C's", error);
  *begin = text + length;
  return STATUS_OK;
}

// Finds an array and reads its header alone, so that nothing of an absurd size is unpacked.
static enum status look(const struct npz *npz, const char *name, struct packed *packed, struct array *array,
                        size_t *begin, struct error *error) {
  uint8_t bytes[1024 + 12];
  const enum status status = locate(npz, name, packed, error);
  if (status != STATUS_OK) return status;
  const size_t size = packed->unpacked < sizeof bytes ? packed->unpacked : sizeof bytes;
  if (!unpack(packed, bytes, size)) return damaged(npz, name, "cannot be unpacked", error);
  const enum status parsed = parse(npz, name, bytes, size, array, begin, error);
  if (parsed == STATUS_OK && array->width * array->count != packed->unpacked - *begin)
    return damaged(npz, name, "its size is not that of its shape", error);
  return parsed;
}

// Unpacks an array and compares its checksum. The caller releases `bytes`.
static enum status load(const struct npz *npz, const char *name, const struct packed *packed, size_t begin,
                        struct buffer *bytes, struct array *array, struct error *error) {
  const enum status status = buffer_reserve(bytes, packed->unpacked + 1, error);
  if (status != STATUS_OK) return status;
  bytes->size = packed->unpacked;
  if (!unpack(packed, bytes->data, bytes->size)) return damaged(npz, name, "cannot be unpacked", error);
  if (crc32(0, bytes->data, (uInt)bytes->size) != packed->checksum)
    return damaged(npz, name, "its checksum does not agree", error);
  array->data = bytes->data + begin;
  return STATUS_OK;
}

enum status npz_shape(const struct npz *npz, const char *name, uint64_t dim[2], struct error *error) {
  struct packed packed;
  struct array array;
  size_t begin;
  const enum status status = look(npz, name, &packed, &array, &begin, error);
  if (status == STATUS_OK) memcpy(dim, array.dim, sizeof array.dim);
  return status;
}

static uint64_t bits_at(const struct array *array, uint64_t i) {
  uint64_t bits = 0;
  for (size_t b = 0; b < array->width; b++) bits |= (uint64_t)array->data[i * array->width + b] << 8 * b;
  return bits;
}

static int64_t signed_at(const struct array *array, uint64_t i) {
  const unsigned unused = 64 - 8 * (unsigned)array->width;
  return (int64_t)(bits_at(array, i) << unused) >> unused; // extends the sign
}

static double number_at(const struct array *array, uint64_t i) {
  const uint64_t bits = bits_at(array, i);
  const uint32_t low = (uint32_t)bits;
  float narrow;
  double wide;
  memcpy(&narrow, &low, sizeof narrow);
  memcpy(&wide, &bits, sizeof wide);
  if (array->kind == 'f') return array->width == 4 ? (double)narrow : wide;
  return array->kind == 'i' ? (double)signed_at(array, i) : (double)bits;
}

// Reads a count exactly; false: it is negative or no integer.
static bool count_at(const struct array *array, uint64_t i, uint64_t *count) {
  const double value = number_at(array, i);
  const bool whole = array->kind != 'f' || (value >= 0 && value < 0x1p63 && value == floor(value));
  if (!whole || (array->kind == 'i' && signed_at(array, i) < 0)) return false;
  *count = array->kind == 'f' ? (uint64_t)value : bits_at(array, i);
  return true;
}

static enum status convert(const struct npz *npz, const char *name, const struct array *array, enum npz_type type,
                           void *data, struct error *error) {
  for (uint64_t i = 0; i < array->count; i++) {
    if (type == NPZ_FLOAT) ((float *)data)[i] = (float)number_at(array, i);
    if (type == NPZ_DOUBLE) ((double *)data)[i] = number_at(array, i);
    if (type == NPZ_U64 && !count_at(array, i, (uint64_t *)data + i))
      return error_set(error, STATUS_FORMAT, "%s: array %s: %g is no count", npz->path, name, number_at(array, i));
  }
  return STATUS_OK;
}

enum status npz_read(const struct npz *npz, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                     void *data, struct error *error) {
  struct buffer bytes = {0};
  struct packed packed;
  struct array array;
  size_t begin;
  const int rank = columns ? 2 : 1;
  enum status status = look(npz, name, &packed, &array, &begin, error);
  const bool fits = status == STATUS_OK && array.dim[0] == rows && (!columns || array.dim[1] == columns) &&
                    (array.rank == rank || (array.rank == 0 && rows == 1));
  if (status == STATUS_OK && array.kind == 'U') status = damaged(npz, name, "is text where numbers should be", error);
  if (status == STATUS_OK && !fits)
    status = error_set(error, STATUS_MISMATCH, "%s: array %s is (%llu x %llu), not (%llu x %llu)", npz->path, name,
                       (unsigned long long)array.dim[0], (unsigned long long)array.dim[1], (unsigned long long)rows,
                       (unsigned long long)(columns ? columns : 1));
  if (status == STATUS_OK) status = load(npz, name, &packed, begin, &bytes, &array, error);
  if (status == STATUS_OK) status = convert(npz, name, &array, type, data, error);
  buffer_release(&bytes);
  return status;
}

// NumPy's text is UTF-32.
enum status npz_read_text(const struct npz *npz, const char *name, char *text, size_t size, struct error *error) {
  struct buffer bytes = {0};
  struct packed packed;
  struct array array;
  size_t begin, length = 0;
  enum status status = look(npz, name, &packed, &array, &begin, error);
  if (status == STATUS_OK && (array.kind != 'U' || array.count != 1))
    status = damaged(npz, name, "is no text, or not a single one", error);
  if (status == STATUS_OK) status = load(npz, name, &packed, begin, &bytes, &array, error);
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

// Makes the header of an .npy: magic, version 1.0, the length of the text, and the text with blanks up to HEADER bytes.
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

// Appends a file with its local head. The list repeats the head from its 5th byte on, beginning at its own 7th.
static enum status add_file(struct npz *npz, const char *name, const struct buffer *bytes, struct error *error) {
  const size_t length = strlen(name);
  uint8_t local[LOCAL + NAME] = {0}, listed[LISTED + NAME] = {0};
  put(local, 4, LOCAL_MAGIC);
  put(local + 4, 2, 20);          // version 2.0
  put(local + 12, 2, 1 << 5 | 1); // always 1 January 1980, so that equal policies give equal files
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
  if (status == STATUS_OK && npz->file.size + bytes.size > MAX_BYTES)
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

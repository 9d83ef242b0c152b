#include "tests/support/h5_compare.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct comparison {
  hid_t other;
  const char *const *ignored;
  int differences;
  bool report_missing_only; // the second pass, from the other side
};

static bool is_ignored(const struct comparison *c, const char *name) {
  for (const char *const *i = c->ignored; i && *i; i++)
    if (strcmp(*i, name) == 0) return true;
  return false;
}

static void differ(struct comparison *c, const char *name, const char *how) {
  fprintf(stderr, "  %s: %s\n", name, how);
  c->differences++;
}

// The whole content of a dataset or attribute as bytes; NULL where it cannot be read.
static void *content(hid_t object, bool attribute, size_t *size) {
  const hid_t space = attribute ? H5Aget_space(object) : H5Dget_space(object);
  const hid_t type = attribute ? H5Aget_type(object) : H5Dget_type(object);
  *size = (size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);
  char *bytes = calloc(*size + 1, 1);
  const herr_t read =
      attribute ? H5Aread(object, type, bytes) : H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
  H5Sclose(space);
  H5Tclose(type);
  if (read >= 0) return bytes;
  free(bytes);
  return NULL;
}

static void compare_content(struct comparison *c, const char *name, hid_t left, hid_t right, bool attribute) {
  size_t left_size, right_size;
  char *a = content(left, attribute, &left_size), *b = content(right, attribute, &right_size);
  if (!a || !b)
    differ(c, name, "cannot be read");
  else if (left_size != right_size)
    differ(c, name, "another size");
  else if (memcmp(a, b, left_size) != 0)
    differ(c, name, "other values");
  free(a);
  free(b);
}

static herr_t visit_attribute(hid_t location, const char *name, const H5A_info_t *info, void *data) {
  (void)info;
  struct comparison *c = data;
  char label[256];
  snprintf(label, sizeof label, "@%s", name);
  if (is_ignored(c, label)) return 0;
  char object[512] = "";
  H5Iget_name(location, object, sizeof object);
  if (H5Aexists_by_name(c->other, object, name, H5P_DEFAULT) <= 0) {
    differ(c, label, "only in one file");
    return 0;
  }
  if (c->report_missing_only) return 0;
  const hid_t left = H5Aopen(location, name, H5P_DEFAULT),
              right = H5Aopen_by_name(c->other, object, name, H5P_DEFAULT, H5P_DEFAULT);
  compare_content(c, label, left, right, true);
  H5Aclose(left);
  H5Aclose(right);
  return 0;
}

static herr_t visit_object(hid_t root, const char *name, const H5O_info_t *info, void *data) {
  struct comparison *c = data;
  char path[1024];
  snprintf(path, sizeof path, "%s%s", strcmp(name, ".") == 0 ? "" : "/", strcmp(name, ".") == 0 ? "/" : name);
  if (is_ignored(c, path)) return 0;
  if (strcmp(path, "/") != 0 && H5Lexists(c->other, path, H5P_DEFAULT) <= 0) {
    differ(c, path, "only in one file");
    return 0;
  }
  const hid_t left = H5Oopen(root, path, H5P_DEFAULT);
  H5Aiterate2(left, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_attribute, c);
  if (info->type == H5O_TYPE_DATASET && !c->report_missing_only) {
    const hid_t right = H5Oopen(c->other, path, H5P_DEFAULT);
    compare_content(c, path, left, right, false);
    H5Oclose(right);
  }
  H5Oclose(left);
  return 0;
}

int h5_compare(const char *left, const char *right, const char *const *ignored) {
  const hid_t a = H5Fopen(left, H5F_ACC_RDONLY, H5P_DEFAULT), b = H5Fopen(right, H5F_ACC_RDONLY, H5P_DEFAULT);
  struct comparison c = {.other = b, .ignored = ignored};
  if (a < 0 || b < 0) {
    fprintf(stderr, "  cannot read %s\n", a < 0 ? left : right);
    c.differences = -1;
  } else {
    H5Ovisit2(a, H5_INDEX_NAME, H5_ITER_INC, visit_object, &c, H5O_INFO_ALL);
    c.other = a;
    c.report_missing_only = true;
    H5Ovisit2(b, H5_INDEX_NAME, H5_ITER_INC, visit_object, &c, H5O_INFO_ALL);
  }
  if (a >= 0) H5Fclose(a);
  if (b >= 0) H5Fclose(b);
  return c.differences;
}

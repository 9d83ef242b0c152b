#include "actor/envs/registry.h"

#include <ctype.h>
#include <string.h>

static const struct corsac_env *const environments[] = {&env_pendulum, &env_mountain_car_continuous};

size_t registry_count(void) { return sizeof environments / sizeof *environments; }

const struct corsac_env *registry_at(size_t index) { return index < registry_count() ? environments[index] : NULL; }

const struct corsac_env *registry_find(const char *name) {
  for (size_t i = 0; i < registry_count(); i++)
    if (strcmp(environments[i]->name, name) == 0) return environments[i];
  return NULL;
}

enum { MAX_NAME = 64 };

// Levenshtein's distance, case apart; MAX_NAME where a text is too long to be a name.
static size_t distance(const char *a, const char *b) {
  size_t row[MAX_NAME], length_a = strlen(a), length_b = strlen(b);
  if (length_a >= MAX_NAME || length_b >= MAX_NAME) return MAX_NAME;
  for (size_t j = 0; j <= length_b; j++) row[j] = j;
  for (size_t i = 1; i <= length_a; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= length_b; j++) {
      size_t replace = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
      size_t insert = (row[j - 1] < row[j] ? row[j - 1] : row[j]) + 1;
      diagonal = row[j];
      row[j] = replace < insert ? replace : insert;
    }
  }
  return row[length_b];
}

const char *registry_nearest(const char *name) {
  const char *nearest = NULL;
  size_t best = MAX_NAME;
  for (size_t i = 0; i < registry_count(); i++) {
    const char *known = environments[i]->name;
    size_t d = distance(name, known);
    // "pendulum" for Pendulum-v1: without the version counts as near, too.
    size_t length = strlen(name);
    if (length >= 4 && strncasecmp(name, known, length) == 0) d = 1;
    if (d <= strlen(known) / 3 && d < best) {
      best = d;
      nearest = known;
    }
  }
  return nearest;
}

#include "common/nn/backend.h"
#include "common/nn/tiles.h"
#include <string.h>

#ifdef CORSAC_REAL_DOUBLE // the tiles compute in float

const char *backend_choose(const struct config *config) {
  (void)config;
  return "openblas";
}
const struct tiles *backend_tiles(const struct config *config) {
  (void)config;
  return NULL;
}

#else

const char *backend_choose(const struct config *config) {
  if (strcmp(config->backend, "tiles") == 0) return "tiles";
  if (strcmp(config->backend, "openblas") == 0) return "openblas";
  return tiles_are_fast() ? "tiles" : "openblas";
}

const struct tiles *backend_tiles(const struct config *config) {
  return strcmp(backend_choose(config), "tiles") == 0 ? tiles_best() : NULL;
}

#endif

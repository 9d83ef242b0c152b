// Pictures of the built-in tasks, drawn from an observation, without a library or a screen.
#ifndef CORSAC_LAUNCH_POLICY_DRAWING_H
#define CORSAC_LAUNCH_POLICY_DRAWING_H

#include <stdbool.h>
#include <stdint.h>

struct canvas {
  uint32_t width, height;
  uint8_t *rgb; // (height x width x 3), from the top left, not owned
};
struct color {
  uint8_t red, green, blue;
};
void canvas_fill(struct canvas *canvas, struct color color);

// Paints all points within `radius` of the line from (x0, y0) to (x1, y1), in pixels from the top left, with a smooth
// edge.
void canvas_line(struct canvas *canvas, double x0, double y0, double x1, double y1, double radius, struct color color);

// A task that can be drawn.
struct drawing {
  const char *env;
  uint32_t width, height;
  int frames_per_second;
  // action: the one that led to obs, in [-1, 1]; 0 after a reset.
  void (*draw)(struct canvas *canvas, const float *obs, float action);
};

// Returns NULL where the task has no drawing.
const struct drawing *drawing_find(const char *env);
#endif

// Pictures of the built-in tasks, drawn from an observation: no library, no screen.
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
// All points within `radius` of the line from (x0, y0) to (x1, y1), in pixels from the top left; the edge is smooth.
void canvas_line(struct canvas *canvas, double x0, double y0, double x1, double y1, double radius, struct color color);

// A task that can be drawn.
struct drawing {
  const char *env;
  uint32_t width, height;
  int frames_per_second;
  // action: in [-1, 1], what was done to get there; 0 at the start.
  void (*draw)(struct canvas *canvas, const float *obs, float action);
};
const struct drawing *drawing_find(const char *env); // NULL: there is none
#endif

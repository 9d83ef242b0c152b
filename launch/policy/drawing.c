#include "launch/policy/drawing.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct color WHITE = {255, 255, 255}, INK = {40, 44, 52}, ROD = {190, 80, 72}, PALE = {225, 228, 232},
                          BLUE = {58, 110, 180}, GROUND = {214, 205, 190}, GREEN = {70, 150, 90};
static const double PI = 3.14159265358979323846;

void canvas_fill(struct canvas *canvas, struct color color) {
  for (size_t i = 0; i < (size_t)canvas->width * canvas->height; i++) memcpy(canvas->rgb + 3 * i, &color, 3);
}

static void blend(uint8_t *at, struct color color, double share) {
  const uint8_t to[3] = {color.red, color.green, color.blue};
  for (int c = 0; c < 3; c++) at[c] = (uint8_t)lround(at[c] + share * (to[c] - at[c]));
}

static uint32_t clamp(double x, uint32_t limit) { return x <= 0 ? 0 : x >= limit ? limit : (uint32_t)x; }

void canvas_line(struct canvas *canvas, double x0, double y0, double x1, double y1, double radius, struct color color) {
  const double dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy, edge = radius + 1;
  const uint32_t left = clamp(fmin(x0, x1) - edge, canvas->width),
                 right = clamp(fmax(x0, x1) + edge + 1, canvas->width);
  const uint32_t top = clamp(fmin(y0, y1) - edge, canvas->height),
                 bottom = clamp(fmax(y0, y1) + edge + 1, canvas->height);
  for (uint32_t row = top; row < bottom; row++) {
    for (uint32_t column = left; column < right; column++) {
      const double x = column + 0.5 - x0, y = row + 0.5 - y0;
      const double along = length2 > 0 ? fmin(fmax((x * dx + y * dy) / length2, 0), 1) : 0;
      const double away_x = x - along * dx, away_y = y - along * dy;
      const double share = radius + 0.5 - sqrt(away_x * away_x + away_y * away_y); // of the pixel that is covered
      if (share > 0) blend(canvas->rgb + 3 * ((size_t)row * canvas->width + column), color, fmin(share, 1));
    }
  }
}

// Draws the action as a bar from the middle of the lower edge.
static void draw_action(struct canvas *canvas, float action) {
  const double y = canvas->height - 16.0, middle = canvas->width / 2.0, reach = canvas->width * 0.4;
  canvas_line(canvas, middle - reach, y, middle + reach, y, 5, PALE);
  canvas_line(canvas, middle, y, middle + reach * (double)action, y, 5, BLUE);
  canvas_line(canvas, middle, y - 8, middle, y + 8, 1, INK);
}

// obs: cos theta, sin theta, theta'; theta is 0 upright and grows to the left.
static void draw_pendulum(struct canvas *canvas, const float *obs, float action) {
  const double x = canvas->width / 2.0, y = canvas->height / 2.0 - 12, rod = canvas->height * 0.36;
  const double tip_x = x - rod * (double)obs[1], tip_y = y - rod * (double)obs[0], spread = 2.4 * fabs((double)action);
  canvas_fill(canvas, WHITE);
  canvas_line(canvas, x, y, x, y - rod, 1, PALE); // upright
  canvas_line(canvas, x, y, tip_x, tip_y, 18, ROD);
  canvas_line(canvas, x, y, x, y, 7, INK);
  // The torque is an arc around the axle, with an arrow head (a positive torque turns counterclockwise).
  const double way = action > 0 ? -1 : 1, radius = 44;
  for (int i = 0; i < 24 && spread > 0.05; i++) {
    const double from = -PI / 2 + way * spread * (i / 24.0 - 0.5), to = -PI / 2 + way * spread * ((i + 1) / 24.0 - 0.5);
    canvas_line(canvas, x + radius * cos(from), y + radius * sin(from), x + radius * cos(to), y + radius * sin(to), 2.5,
                BLUE);
    if (i < 23) continue;
    for (int side = -1; side <= 1; side += 2) {
      const double r = radius + side * 9, back = to - way * 9 / radius;
      canvas_line(canvas, x + radius * cos(to), y + radius * sin(to), x + r * cos(back), y + r * sin(back), 2.5, BLUE);
    }
  }
  draw_action(canvas, action);
}

// The valley as Gymnasium draws it: y = 0.45 sin(3 x) + 0.55 over x in [-1.2, 0.6].
static const double LEFT = -1.2, RIGHT = 0.6, GOAL = 0.45;

static double hill(double x) { return sin(3 * x) * 0.45 + 0.55; }

static void draw_mountain_car(struct canvas *canvas, const float *obs, float action) {
  const double scale = canvas->width / (RIGHT - LEFT), floor_y = canvas->height - 40.0;
  canvas_fill(canvas, WHITE);
  for (uint32_t column = 0; column < canvas->width; column++) {
    const double top = floor_y - scale * hill(LEFT + (column + 0.5) / scale);
    for (uint32_t row = clamp(top, canvas->height); row < canvas->height; row++)
      memcpy(canvas->rgb + 3 * ((size_t)row * canvas->width + column), &GROUND, 3);
  }
  for (uint32_t column = 0; column + 4 < canvas->width; column += 4)
    canvas_line(canvas, column, floor_y - scale * hill(LEFT + column / scale), column + 4,
                floor_y - scale * hill(LEFT + (column + 4) / scale), 1.5, INK);
  const double flag_x = (GOAL - LEFT) * scale, flag_y = floor_y - scale * hill(GOAL);
  canvas_line(canvas, flag_x, flag_y, flag_x, flag_y - 50, 1.5, INK);
  for (int i = 0; i <= 20; i++)
    canvas_line(canvas, flag_x + 2, flag_y - 49 + i, flag_x + 24 - fabs(i - 10.0) * 2, flag_y - 49 + i, 0.5, GREEN);
  const double position = (double)obs[0], x = (position - LEFT) * scale, y = floor_y - scale * hill(position);
  const double slope = 0.45 * 3 * cos(3 * position), length = hypot(1, slope), tx = 1 / length, ty = -slope / length;
  // (tx, ty): along the slope; (ty, -tx): away from it, upwards
  canvas_line(canvas, x - 15 * tx + 19 * ty, y - 15 * ty - 19 * tx, x + 15 * tx + 19 * ty, y + 15 * ty - 19 * tx, 9,
              ROD);
  for (int side = -1; side <= 1; side += 2)
    canvas_line(canvas, x + side * 13 * tx + 8 * ty, y + side * 13 * ty - 8 * tx, x + side * 13 * tx + 8 * ty,
                y + side * 13 * ty - 8 * tx, 7, INK);
  draw_action(canvas, action);
}

const struct drawing *drawing_find(const char *env) {
  // The rates are Gymnasium's, except the pendulum's: its step is 0.05 s.
  static const struct drawing drawings[] = {{"Pendulum-v1", 400, 400, 20, draw_pendulum},
                                            {"MountainCarContinuous-v0", 600, 440, 30, draw_mountain_car}};
  for (size_t i = 0; i < sizeof drawings / sizeof *drawings; i++)
    if (strcmp(env, drawings[i].env) == 0) return &drawings[i];
  return NULL;
}

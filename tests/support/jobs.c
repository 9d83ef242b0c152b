#include "tests/support/jobs.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "common/wire/transport_loopback.h"
#include "common/wire/transport_mpi.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/train/roles.h"
#include "tests/support/h5_compare.h"
#include "tests/support/unit.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const volatile sig_atomic_t never;

static int count(const char *const *arguments) {
  int n = 0;
  while (arguments[n]) n++;
  return n;
}

static int fail(const char *what, const struct error *error) {
  fprintf(stderr, "%s: %s\n", what, error->text);
  return status_exit_code(error->status);
}

int job_run_alone(const char *const *arguments, const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct setup setup;
  struct transport *ends[2];
  linalg_init();
  log_init(0, LOG_WARN);
  if (setup_resolve(&setup, count(arguments), (char **)arguments, 1, &error) != STATUS_OK) return fail("setup", &error);
  if (transport_loopback_create(2, ends, &error) != STATUS_OK) return fail("loopback", &error);
  for (int i = 0; i < 2; i++)
    if (transport_shared_weights_open(ends[i], setup_shared_weights_capacity(&setup.config), &error) != STATUS_OK)
      return fail("the shared weights", &error);
  struct actor *actor = actor_create(&setup.config, ends[1], stop ? stop : &never, &error);
  const struct role_result ending = role_lead(&setup, ends[0], actor, stop ? stop : &never);
  actor_destroy(actor);
  transport_destroy(ends[0]);
  transport_destroy(ends[1]);
  return ending.exit_code;
}

int job_run_mpi(const char *const *arguments, const volatile sig_atomic_t *stop, bool *together) {
  struct error error = {0};
  struct setup setup = {0};
  struct transport *transport;
  void *text = NULL;
  size_t bytes = 0;
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  linalg_init();
  log_init(rank, LOG_WARN);
  enum status status = STATUS_OK;
  if (rank == 0) {
    status = setup_resolve(&setup, count(arguments), (char **)arguments, (uint32_t)size - 1, &error);
    if (status != STATUS_OK) fail("setup", &error);
    bytes = options_format_yaml(&setup.config, NULL, 0) + 1;
    text = memory_alloc(bytes, 1, "a configuration", &error);
    options_format_yaml(&setup.config, text, bytes);
  }
  status = mpi_broadcast(status, &text, &bytes, 60, &error);
  if (status != STATUS_OK) return status_exit_code(status);
  if (rank > 0) {
    options_defaults(&setup.config);
    if (options_parse_yaml(text, bytes - 1, "rank 0", &setup.config, &error) != STATUS_OK)
      return fail("configuration", &error);
  }
  memory_free(text);
  if (transport_mpi_create(&transport, &error) != STATUS_OK) return fail("transport", &error);
  const size_t shared = rank == 1 ? 0 : setup_shared_weights_capacity(&setup.config); // rank 1 is as on another node
  if (transport_shared_weights_open(transport, shared, &error) != STATUS_OK) return fail("the shared weights", &error);
  if (!stop) stop = &never;
  const struct role_result ending =
      rank == 0 ? role_lead(&setup, transport, NULL, stop) : role_act(&setup.config, transport, stop);
  transport_destroy(transport);
  if (together) *together = ending.together;
  job_barrier();
  return ending.exit_code;
}

void job_barrier(void) {
  MPI_Request request;
  int done = 0;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done)
    nanosleep(&(struct timespec){0, 500000}, NULL);
}

bool job_checkpoints_equal(const char *left, const char *right) {
  // /config holds the run's directory; waits and seconds are times.
  static const char *const ignored[] = {"@created",
                                        "/config",
                                        "/learner/seconds",
                                        "/learner/last_seconds",
                                        "/learner/learner_wait",
                                        "/learner/actor_wait",
                                        NULL};
  return h5_compare(left, right, ignored) == 0;
}

static bool is_of_the_machine(const char *column) {
  static const char *const names[] = {"time_s",          "learner_wait",    "actor_wait",
                                      "env_steps_per_s", "updates_per_s",   "actors_alive",
                                      "learner_drain",   "learner_publish", "learner_report"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], column) == 0) return true;
  return false;
}

// Cuts the next cell off: the text up to ',' or the line's end.
static char *next_cell(char **rest) {
  char *cell = *rest;
  if (!cell) return NULL;
  char *comma = strchr(cell, ',');
  if (comma) *comma = 0;
  *rest = comma ? comma + 1 : NULL;
  return cell;
}

static bool rows_equal(const char *header, const char *left, const char *right) {
  char h[2048], a[2048], b[2048];
  snprintf(h, sizeof h, "%s", header);
  snprintf(a, sizeof a, "%s", left);
  snprintf(b, sizeof b, "%s", right);
  char *hs = h, *as = a, *bs = b;
  bool equal = true;
  for (char *column; (column = next_cell(&hs));) {
    const char *x = next_cell(&as), *y = next_cell(&bs);
    if (is_of_the_machine(column) || (x && y && strcmp(x, y) == 0)) continue;
    fprintf(stderr, "  %s: %s and %s in\n    %s\n    %s\n", column, x ? x : "nothing", y ? y : "nothing", left, right);
    equal = false;
  }
  return equal;
}

bool job_metrics_equal(const char *left, const char *right, int rows) {
  char *a = unit_read_file(left, NULL), *b = unit_read_file(right, NULL), *as = NULL, *bs = NULL;
  bool equal = a && b;
  int n = -1; // the header line
  const char *x = a ? strtok_r(a, "\n", &as) : NULL, *y = b ? strtok_r(b, "\n", &bs) : NULL, *header = x;
  for (; x && y; x = strtok_r(NULL, "\n", &as), y = strtok_r(NULL, "\n", &bs), n++)
    equal = (n < 0 ? strcmp(x, y) == 0 : rows_equal(header, x, y)) && equal;
  if (x || y) fprintf(stderr, "  %s has more rows\n", x ? left : right);
  if (rows >= 0 ? n != rows : n <= 0) fprintf(stderr, "  %d rows\n", n);
  equal = equal && !x && !y && (rows >= 0 ? n == rows : n > 0);
  free(a);
  free(b);
  return equal;
}

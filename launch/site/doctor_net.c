// Which rank is where, and how each node reaches the learner: plain MPI, point to point, polled, every wait bounded.
#include "common/base/clock.h"
#include "launch/site/doctor.h"

#include <mpi.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HOST = 64, TAG = 7, PINGS = 100, LARGE = 1 << 20, LARGES = 16, MESSAGE = 4096, MESSAGES = 2000, UNDER_WAY = 16 };
static const double PATIENCE = 20;

// Where one rank runs.
struct location {
  char host[HOST];
  int usable, cores;
};

// False: the request failed, or did not end in time; MPI may still use its buffer.
static bool wait_for(MPI_Request *request, double seconds) {
  const double end = clock_now() + seconds;
  for (int turns = 0; clock_now() < end; turns++) {
    int done = 0;
    if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return false;
    if (done) return true;
    if (turns > 2000) nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
  }
  return false;
}

static bool send_to(int rank, void *bytes, int size) {
  MPI_Request request;
  return MPI_Isend(bytes, size, MPI_BYTE, rank, TAG, MPI_COMM_WORLD, &request) == MPI_SUCCESS &&
         wait_for(&request, PATIENCE);
}

static bool receive_from(int rank, void *bytes, int size, double seconds) {
  MPI_Request request;
  return MPI_Irecv(bytes, size, MPI_BYTE, rank, TAG, MPI_COMM_WORLD, &request) == MPI_SUCCESS &&
         wait_for(&request, seconds);
}

// Receives a stream of messages, UNDER_WAY at a time, and answers the last.
static bool take_stream(int rank, char *bytes, int size, int count) {
  MPI_Request request[UNDER_WAY];
  for (int i = 0; i < count + UNDER_WAY; i++) {
    MPI_Request *slot = &request[i % UNDER_WAY];
    if (i >= UNDER_WAY && !wait_for(slot, PATIENCE)) return false;
    if (i < count && MPI_Irecv(bytes + (size_t)(i % UNDER_WAY) * (size_t)size, size, MPI_BYTE, rank, TAG,
                               MPI_COMM_WORLD, slot) != MPI_SUCCESS)
      return false;
    if (i >= count) *slot = MPI_REQUEST_NULL;
  }
  return send_to(rank, bytes, 1);
}

// The other side of take_stream.
static bool give_stream(int rank, char *bytes, int size, int count) {
  MPI_Request request[UNDER_WAY];
  for (int i = 0; i < count + UNDER_WAY; i++) {
    MPI_Request *slot = &request[i % UNDER_WAY];
    if (i >= UNDER_WAY && !wait_for(slot, PATIENCE)) return false;
    if (i < count && MPI_Isend(bytes, size, MPI_BYTE, rank, TAG, MPI_COMM_WORLD, slot) != MPI_SUCCESS) return false;
    if (i >= count) *slot = MPI_REQUEST_NULL;
  }
  return receive_from(rank, bytes, 1, PATIENCE);
}

// The learner's side of a measurement; be_measured is the other.
static bool measure(int rank, char *bytes, double *latency, double *bandwidth, double *rate) {
  bool good = send_to(rank, bytes, 1);
  double start = clock_now();
  for (int i = 0; i < PINGS && good; i++) good = send_to(rank, bytes, 8) && receive_from(rank, bytes, 8, PATIENCE);
  *latency = (clock_now() - start) / PINGS / 2;
  start = clock_now();
  good = good && take_stream(rank, bytes, LARGE, LARGES);
  *bandwidth = (double)LARGE * LARGES / (clock_now() - start);
  start = clock_now();
  good = good && take_stream(rank, bytes, MESSAGE, MESSAGES);
  *rate = MESSAGES / (clock_now() - start);
  return good;
}

static bool be_measured(char *bytes) {
  bool good = true;
  for (int i = 0; i < PINGS && good; i++) good = receive_from(0, bytes, 8, PATIENCE) && send_to(0, bytes, 8);
  return good && give_stream(0, bytes, LARGE, LARGES) && give_stream(0, bytes, MESSAGE, MESSAGES);
}

static void say_node(struct doctor *doctor, const struct location *location, const struct location *locations, int size,
                     int first, char *bytes) {
  int ranks = 0;
  double latency, bandwidth, rate;
  for (int r = 0; r < size; r++) ranks += strcmp(locations[r].host, location->host) == 0;
  if (ranks > location->cores)
    doctor_say(doctor, FINDING_WARN, "node", "%s: %d ranks on %d cores: simulators will wait for each other",
               location->host, ranks, location->cores);
  else
    doctor_say(doctor, FINDING_OK, "node", "%s: %d rank%s on %d cores", location->host, ranks, ranks == 1 ? "" : "s",
               location->cores);
  if (first < 0) return;
  if (measure(first, bytes, &latency, &bandwidth, &rate))
    doctor_say(doctor, FINDING_OK, "network", "%s to the learner: %.1f us, %.2f GB/s, %.0f messages of 4 KB a second",
               location->host, 1e6 * latency, bandwidth / 1e9, rate);
  else
    doctor_say(doctor, FINDING_BAD, "network",
               "%s does not answer the learner within %.0f s: a firewall between the "
               "nodes? (mpirun --mca btl_tcp_if_include and oob_tcp_if_include name the network to use)",
               location->host, PATIENCE);
}

// Measures one rank of each node: the first one, on the learner's node the first that is not the learner.
static void say_nodes(struct doctor *doctor, const struct location *locations, int size, char *bytes) {
  for (int r = 0; r < size; r++) {
    int before = 0, first = r > 0 ? r : -1;
    for (int other = 0; other < r; other++) before += strcmp(locations[other].host, locations[r].host) == 0;
    if (before > 0) continue;
    for (int other = 1; first < 0 && other < size; other++)
      if (strcmp(locations[other].host, locations[r].host) == 0) first = other;
    say_node(doctor, &locations[r], locations, size, first, bytes);
  }
}

static void say_library(struct doctor *doctor, int size) {
  char library[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  if (MPI_Get_library_version(library, &length) != MPI_SUCCESS) snprintf(library, sizeof library, "unknown");
  doctor_say(doctor, FINDING_OK, "mpi", "%.*s, %d rank%s", (int)strcspn(library, ","), library, size,
             size == 1 ? "" : "s");
}

void doctor_network(struct doctor *doctor, int rank, int size) {
  MPI_Request request;
  cpu_set_t mask;
  char *bytes = calloc(UNDER_WAY, LARGE);
  struct location *locations = calloc((size_t)size + 1, sizeof *locations);
  if (!bytes || !locations) return;
  struct location *own = &locations[size];
  if (gethostname(own->host, HOST - 1) != 0) snprintf(own->host, HOST, "rank %d's node", rank);
  own->usable = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 0;
  own->cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
  const bool met = MPI_Iallgather(own, sizeof *own, MPI_BYTE, locations, sizeof *own, MPI_BYTE, MPI_COMM_WORLD,
                                  &request) == MPI_SUCCESS &&
                   wait_for(&request, PATIENCE);
  if (rank == 0) {
    say_library(doctor, size);
    if (!met)
      doctor_say(doctor, FINDING_BAD, "mpi", "not all ranks met within %.0f s: see the network between the nodes",
                 PATIENCE);
    else
      say_nodes(doctor, locations, size, bytes);
    bytes[0] = 1; // the end
    for (int r = 1; r < size; r++) (void)send_to(r, bytes, 1);
  } else if (met) {
    // A byte 0 begins a measurement, 1 ends the role. Other nodes may be measured before this one.
    while (receive_from(0, bytes, 1, PATIENCE * (size + 1)) && bytes[0] == 0)
      if (!be_measured(bytes)) break;
  }
  if (met) free(locations);
  free(bytes);
}

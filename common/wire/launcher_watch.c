#include "common/wire/launcher_watch.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/held_file.h"
#include "common/base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// mpirun, if this process is its child: else 0.
static pid_t find_launcher(void) {
  static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
  char path[64], name[32] = "";
  const pid_t parent = getppid();
  snprintf(path, sizeof path, "/proc/%d/comm", (int)parent);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  if (fscanf(file, "%31s", name) != 1) name[0] = 0;
  fclose(file);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return parent;
  return 0;
}

static bool is_first_rank(void) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK");
  return rank && strcmp(rank, "0") == 0;
}

// Holds nothing but its end of the pipe: mpirun also waits for the end of its ranks' output.
static void keep_only(int file) {
  dup2(file, 0);
  file_close_from(1);
}

// Until the other end of the pipe, descriptor 0, is closed, by whatever death. The last number read stays; below 0:
// there is nothing to do.
static double await_end(void) {
  double granted = LAUNCHER_SECONDS;
  for (double next; read(0, &next, sizeof next) == sizeof next;) granted = next;
  return granted;
}

static bool is_gone_within(pid_t launcher, double seconds) {
  const struct timespec pause = {.tv_nsec = 100000000};
  for (const double end = clock_now() + seconds; clock_now() < end; nanosleep(&pause, NULL))
    if (kill(launcher, 0) != 0) return true;
  return false;
}

// TERM is an orderly end, which waits for daemons; where one of them is cut off, mpirun does not come back from it.
static void watch(pid_t launcher) {
  const double granted = await_end();
  if (granted < 0 || is_gone_within(launcher, granted)) return;
  kill(launcher, SIGTERM);
  if (!is_gone_within(launcher, LAUNCHER_SECONDS)) kill(launcher, SIGKILL);
}

int launcher_watch_begin(void) {
  int ends[2];
  const pid_t launcher = is_first_rank() ? find_launcher() : 0;
  if (launcher == 0 || pipe2(ends, O_CLOEXEC) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
    // A signal to the job is none of its business: it ends when there is nothing to watch any more.
    for (int number = 1; number < 32; number++) signal(number, SIG_IGN);
    setsid();
    keep_only(ends[0]);
    watch(launcher);
    _exit(0);
  }
  close(ends[0]);
  struct held_file *held = child > 0 ? held_file_take(ends[1], "the watch over mpirun") : NULL;
  if (held) return held_file_descriptor(held);
  const double nothing_to_do = -1;
  if (child > 0 && write(ends[1], &nothing_to_do, sizeof nothing_to_do) < 0) log_warn("nobody watches over mpirun");
  close(ends[1]);
  return -1;
}

// Less than PIPE_BUF: written whole or not at all.
void launcher_watch_grant(int watch, double seconds) {
  if (held_file_of(watch) && write(watch, &seconds, sizeof seconds) < 0) return; // then it grants what it did
}

void launcher_watch_end(int watch, bool well) {
  launcher_watch_grant(watch, well ? -1 : LAUNCHER_SECONDS);
  held_file_close(held_file_of(watch));
}

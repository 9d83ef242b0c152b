#include "common/wire/launcher_watch.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/held_file.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint32_t launcher_process(void) {
  static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
  char path[64], name[32] = "";
  const pid_t parent = getppid();
  snprintf(path, sizeof path, "/proc/%d/comm", (int)parent);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  if (fscanf(file, "%31s", name) != 1) name[0] = 0;
  fclose(file);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return (uint32_t)parent;
  return 0;
}

static bool is_first_rank(void) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK");
  return rank && strcmp(rank, "0") == 0;
}

// What goes through the pipe: less than PIPE_BUF, so it is written whole or not at all.
struct word {
  double granted; // s; NAN: as before
  double within;  // s in which the next word has to come
};

// Keeps its end of the pipe as descriptor 0, and standard error, on which it may complain of start-up. It closes
// everything else, because mpirun also waits for the end of its ranks' output.
static void keep_only(int file) {
  dup2(file, 0);
  file_close_from(3);
  close(1);
}

static int wait_ms(double seconds) { return seconds < 1e6 ? (int)(1000 * seconds) : -1; }

// Waits until the other end of the pipe (descriptor 0) is closed, by whatever death, and returns the seconds granted
// last; below 0: there is nothing to do. Returns 0 where a word does not come in its time.
static double await_end(double within) {
  double granted = LAUNCHER_SECONDS;
  bool began = false;
  for (;;) {
    struct pollfd end = {.fd = 0, .events = POLLIN};
    const int ready = poll(&end, 1, wait_ms(within));
    struct word word;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      fprintf(
          stderr,
          "corsac: the ranks have not come together in %g s: one of them died, or hangs, while MPI started. The job "
          "is ended. (Where more time is needed: CORSAC_START_SECONDS)\n",
          within);
      return 0;
    }
    if (read(0, &word, sizeof word) != sizeof word) break;
    within = word.within;
    if (isnan(word.granted)) continue;
    granted = word.granted;
    began = true;
    close(STDERR_FILENO);
  }
  if (began) return granted;
  fprintf(stderr, "corsac: rank 0 has ended before the ranks had come together: mpirun is ended\n");
  return 0; // by itself mpirun might end as if all were well
}

static bool is_gone_within(pid_t launcher, double seconds) {
  const struct timespec pause = {.tv_nsec = 100000000};
  for (const double end = clock_now() + seconds; clock_now() < end; nanosleep(&pause, NULL))
    if (kill(launcher, 0) != 0) return true;
  return false;
}

// TERM is an orderly end, for which mpirun waits for its daemons. Where one of them is cut off it waits for ever.
static void watch(pid_t launcher, double within) {
  const double granted = await_end(within);
  if (granted < 0 || is_gone_within(launcher, granted)) return;
  kill(launcher, SIGTERM);
  if (!is_gone_within(launcher, LAUNCHER_SECONDS)) kill(launcher, SIGKILL);
}

int launcher_watch_begin(double seconds) {
  int ends[2];
  const pid_t launcher = is_first_rank() ? (pid_t)launcher_process() : 0;
  if (launcher == 0 || pipe2(ends, O_CLOEXEC) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
    // The watch ignores signals to the job. It ends when there is nothing to watch any more.
    for (int number = 1; number < 32; number++) signal(number, SIG_IGN);
    setsid();
    keep_only(ends[0]);
    watch(launcher, seconds);
    _exit(0);
  }
  close(ends[0]);
  struct held_file *held = child > 0 ? held_file_take(ends[1], "the watch over mpirun") : NULL;
  if (held) return held_file_descriptor(held);
  const struct word nothing_to_do = {-1, INFINITY};
  if (child > 0 && write(ends[1], &nothing_to_do, sizeof nothing_to_do) < 0) log_warn("nobody watches over mpirun");
  close(ends[1]);
  return -1;
}

static void tell(int watch, struct word word) {
  if (held_file_of(watch) && write(watch, &word, sizeof word) < 0) return; // it goes by the word before
}

void launcher_watch_grant(int watch, double seconds) { tell(watch, (struct word){seconds, INFINITY}); }

void launcher_watch_expect(int watch, double seconds) { tell(watch, (struct word){NAN, seconds}); }

void launcher_watch_end(int watch, bool well) {
  launcher_watch_grant(watch, well ? -1 : LAUNCHER_SECONDS);
  held_file_close(held_file_of(watch));
}

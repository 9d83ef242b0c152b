// corsac doctor: looks at what a job will run on, and says what is wrong and how to mend it.
#include "launch/site/doctor.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/base/version.h"
#include "common/nn/linalg.h"
#include "common/nn/tiles.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/mpi/launcher.h"
#include "learner/storage/checkpoint_head.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { LARGE = 32 << 20, SMALL = 4096, SMALL_FILES = 9, PATH = 4096 };

void doctor_say(struct doctor *doctor, enum finding finding, const char *topic, const char *format, ...) {
  static const char *const words[] = {"ok", "warn", "BAD"};
  va_list arguments;
  doctor->warnings += finding == FINDING_WARN;
  doctor->faults += finding == FINDING_BAD;
  printf("%-5s %-9s ", words[finding], topic);
  va_start(arguments, format);
  printable_vprint(stdout, format, arguments);
  va_end(arguments);
  fflush(stdout);
}

// --- the machine ---

static void look_at_cores(struct doctor *doctor) {
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  cpu_set_t mask;
  const int usable = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 0;
  if (usable > 0 && usable < cores)
    doctor_say(
        doctor, FINDING_WARN, "cores",
        "%d of %ld: the learner's threads share them; start with mpirun --bind-to none, or ask the queue for more",
        usable, cores);
  else
    doctor_say(doctor, FINDING_OK, "cores", "%ld, all usable", cores);
}

static void look_at_blas(struct doctor *doctor) {
  const char *core = getenv("OPENBLAS_CORETYPE");
  if (core && *core)
    doctor_say(
        doctor, FINDING_WARN, "blas",
        "OpenBLAS with kernels for %s, because OPENBLAS_CORETYPE is %s: unset it, and OpenBLAS takes the best ones",
        linalg_core_name(), core);
  else
    doctor_say(doctor, FINDING_OK, "blas", "OpenBLAS with kernels for %s", linalg_core_name());
}

static void look_at_tiles(struct doctor *doctor) {
  if (tiles_are_fast())
    doctor_say(doctor, FINDING_OK, "tiles", "our own kernels run at full speed here");
  else
    doctor_say(doctor, FINDING_WARN, "tiles",
               "this processor has no fused multiply-add (or CORSAC_TILES forbids it): --backend openblas is faster");
}

static void look_at_shared_memory(struct doctor *doctor) {
  struct statvfs shm;
  const double needed = 64;
  if (statvfs("/dev/shm", &shm) != 0) {
    doctor_say(doctor, FINDING_WARN, "shm", "/dev/shm: %s: Open MPI and the shared weights need it", strerror(errno));
    return;
  }
  const double free_mb = (double)shm.f_bavail * (double)shm.f_frsize / 1e6;
  if (free_mb < needed)
    doctor_say(doctor, FINDING_WARN, "shm", "/dev/shm has %.0f MB free: give it %.0f (in a container: --shm-size=1g)",
               free_mb, needed);
  else
    doctor_say(doctor, FINDING_OK, "shm", "/dev/shm has %.0f MB free", free_mb);
}

void doctor_machine(struct doctor *doctor) {
  char hdf5[32];
  checkpoint_library(hdf5, sizeof hdf5);
  doctor_say(doctor, FINDING_OK, "program", "corsac %s, HDF5 %s", CORSAC_VERSION, hdf5);
  look_at_cores(doctor);
  look_at_blas(doctor);
  look_at_tiles(doctor);
  look_at_shared_memory(doctor);
}

// --- the disk ---

// Writes `size` bytes, fsyncs, and renames over `to`, as a checkpoint is written. Returns seconds; negative: see errno.
static double write_durably(const char *path, const char *to, const void *bytes, size_t size) {
  const double start = clock_now();
  const int file = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return -1;
  size_t done = 0;
  while (done < size) {
    const ssize_t now = write(file, (const char *)bytes + done, size - done);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) break;
    done += (size_t)now;
  }
  const bool good = done == size && fsync(file) == 0;
  const int why = errno;
  if (close(file) != 0 || !good || rename(path, to) != 0) {
    errno = good ? errno : why;
    return -1;
  }
  return clock_now() - start;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Opens one file twice: the second descriptor must not get the lock that the first holds.
static bool locks_work(const char *path) {
  const int first = open(path, O_RDWR | O_CLOEXEC), second = open(path, O_RDWR | O_CLOEXEC);
  const bool works = first >= 0 && second >= 0 && flock(first, LOCK_EX | LOCK_NB) == 0 &&
                     flock(second, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (first >= 0) close(first);
  if (second >= 0) close(second);
  return works;
}

static const char *file_system(const char *directory) {
  static const struct {
    unsigned long magic;
    const char *name;
  } known[] = {{0xEF53, "ext4"},        {0x58465342, "xfs"},    {0x9123683E, "btrfs"}, {0x01021994, "tmpfs"},
               {0x6969, "NFS"},         {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},  {0x19830326, "BeeGFS"},
               {0x794c7630, "overlay"}, {0x2FC12FC1, "ZFS"},    {0xFF534D42, "CIFS"}};
  struct statfs info;
  if (statfs(directory, &info) != 0) return "unknown";
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if ((unsigned long)info.f_type == known[i].magic) return known[i].name;
  return "another kind";
}

static void say_space(struct doctor *doctor, const char *directory) {
  struct statvfs info;
  if (statvfs(directory, &info) != 0) return;
  const double gb = (double)info.f_bavail * (double)info.f_frsize / 1e9;
  if (gb < 1)
    doctor_say(doctor, FINDING_WARN, "space",
               "%.1f GB free: a checkpoint with 1,000,000 transitions of 17 numbers takes 0.2, and several are kept",
               gb);
  else
    doctor_say(doctor, FINDING_OK, "space", "%.1f GB free", gb);
}

void doctor_disk(struct doctor *doctor, const char *directory) {
  char path[PATH], to[PATH];
  double small[SMALL_FILES];
  if (snprintf(path, sizeof path, "%s/corsac-doctor-%d.tmp", directory, (int)getpid()) >= PATH ||
      snprintf(to, sizeof to, "%s/corsac-doctor-%d", directory, (int)getpid()) >= PATH) {
    doctor_say(doctor, FINDING_BAD, "disk", "%.100s...: this path is too long", directory);
    return;
  }
  char *bytes = malloc(LARGE);
  if (!bytes) return;
  memset(bytes, 7, LARGE);
  const double large = write_durably(path, to, bytes, LARGE);
  double worst = large;
  for (int i = 0; i < SMALL_FILES && worst >= 0; i++)
    if ((small[i] = write_durably(path, to, bytes, SMALL)) < worst) worst = small[i] < 0 ? -1 : worst;
  free(bytes);
  if (worst < 0) {
    doctor_say(doctor, FINDING_BAD, "disk", "%s cannot be written: %s: choose another --run-dir", directory,
               strerror(errno));
    unlink(path);
    unlink(to);
    return;
  }
  qsort(small, SMALL_FILES, sizeof *small, ascending);
  const double ms = 1e3 * small[SMALL_FILES / 2];
  doctor_say(doctor, ms > 500 ? FINDING_WARN : FINDING_OK, "disk",
             "%s (%s): %.0f MB/s made durable, %.1f ms for a small file%s", directory, file_system(directory),
             LARGE / 1e6 / large, ms, ms > 500 ? ": a slow place for a run; status.json is written often" : "");
  if (locks_work(to))
    doctor_say(doctor, FINDING_OK, "locks", "two runs cannot take the same directory");
  else
    doctor_say(doctor, FINDING_WARN, "locks",
               "flock does not work here (mount option?): never start two runs with the same --run-dir");
  unlink(to);
  say_space(doctor, directory);
}

// --- the launcher ---

// size: as MPI sees it, 1 without MPI.
static void look_at_launcher(struct doctor *doctor, const struct launcher *launcher, int size) {
  struct error error = {0};
  char kinds[256];
  if (launcher_check(launcher, size, &error) != STATUS_OK)
    doctor_say(doctor, FINDING_BAD, "launcher", "%s", error.text);
  else if (launcher->name)
    doctor_say(doctor, FINDING_OK, "launcher", "%s started %llu process%s, MPI sees %d", launcher->name,
               (unsigned long long)launcher->tasks, launcher->tasks == 1 ? "" : "es", size);
  launcher_srun_kinds(kinds, sizeof kinds);
  if (!kinds[0]) return;
  if (strstr(kinds, "pmix"))
    doctor_say(doctor, FINDING_OK, "srun",
               "offers %s: mpirun in the job works, and srun --mpi=pmix where Open MPI is built for it "
               "(srun --mpi=pmix -n 2 corsac doctor tells)",
               kinds);
  else
    doctor_say(doctor, FINDING_OK, "srun", "offers %s, but no pmix: srun cannot start corsac; use mpirun in the job",
               kinds);
}

// --- the command ---

static int sum_up(const struct doctor *doctor) {
  if (doctor->faults + doctor->warnings == 0)
    puts("nothing is wrong");
  else
    printf("%u fault%s, %u warning%s\n", doctor->faults, doctor->faults == 1 ? "" : "s", doctor->warnings,
           doctor->warnings == 1 ? "" : "s");
  return doctor->faults > 0 ? EXIT_FAILED : EXIT_DONE;
}

static void look(struct doctor *doctor, const char *directory) {
  struct stat info;
  doctor_machine(doctor);
  if (stat(directory, &info) != 0 || !S_ISDIR(info.st_mode))
    doctor_say(doctor, FINDING_BAD, "disk", "%s: is no directory: make it, or name another with --run-dir", directory);
  else
    doctor_disk(doctor, directory);
}

int command_doctor(int argc, char **argv) {
  struct error error = {0};
  struct doctor doctor = {0};
  const char *directory = ".";
  int rank = 0, size = 1;
  const struct argument known[] = {{"run-dir", NULL, &directory}};
  const enum status status = arguments_parse(argc, argv, "doctor", known, 1, NULL, &error);
  if (status != STATUS_OK) return command_first_rank() ? command_fail(&error) : status_exit_code(status);
  linalg_init();
  log_init(0, LOG_INFO);
  const struct launcher launcher = launcher_find();
  const bool launched = mpi_is_launched();
  if (launched && mpi_start(&argc, &argv, &rank, &size, &error) != STATUS_OK) return command_fail(&error);
  const bool apart = launcher.tasks > 1 && size == 1; // one of several processes that MPI does not hold together
  const bool prints = rank == 0 && (!apart || launcher.task == 0);
  if (prints) look(&doctor, directory);
  if (prints) look_at_launcher(&doctor, &launcher, size);
  if (launched && !apart) doctor_network(&doctor, rank, size);
  if (prints && !launched)
    doctor_say(&doctor, FINDING_OK, "mpi", "not looked at: use mpirun --bind-to none -n N corsac doctor");
  const int code = prints ? sum_up(&doctor) : apart ? EXIT_FAILED : EXIT_DONE;
  if (launched) mpi_stop(true, code, 0);
  return code;
}

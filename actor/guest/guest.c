// What happens around each call of a guest. The states and the invariants are in guest_impl.h.
#include "actor/guest/guest_impl.h"

#include "common/base/c_locale.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <dirent.h>
#include <fenv.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Between two checks after resets: short episodes are not worth one each. The first resets are always checked.
static const double CHECK_SECONDS = 0.05;
enum { FIRST_RESETS = 8 };

struct guest_guard guest_guard;
struct guest_state guest_state = {.locale = LC_GLOBAL_LOCALE};

const struct guest_change_text *guest_change_text(enum guest_change change) {
  static const struct guest_change_text texts[GUEST_CHANGES] = {
      [GUEST_CHANGED_ROUNDING] = {"rounding", "the rounding mode", "the learner's numbers would differ in every bit",
                                  false},
      [GUEST_CHANGED_FLUSHING] = {"flush-to-zero", "flush-to-zero (-ffast-math and -Ofast do so on loading)",
                                  "small numbers of the learner would become 0", false},
      [GUEST_CHANGED_TRAPS] = {"traps", "the floating-point traps", "an overflow in the learner would end the process",
                               false},
      [GUEST_CHANGED_PRECISION] = {"precision", "the x87 control word", "long double would lose its precision", false},
      [GUEST_CHANGED_LOCALE] = {"locale", "the locale", "numbers in files would have a decimal comma", true},
      [GUEST_CHANGED_HANDLERS] = {"handlers", "the handlers of TERM, INT, USR1, USR2, HUP or XCPU",
                                  "a signal would end the job without a checkpoint", false},
      [GUEST_CHANGED_MASK] = {"mask", "the signal mask", "a signal would not arrive", false},
      [GUEST_CHANGED_DIRECTORY] = {"directory", "the working directory", "relative paths would name other files", true},
      [GUEST_CHANGED_UMASK] = {"umask", "the umask", "checkpoints could not be read", false},
      [GUEST_CHANGED_FILES] = {"files", "descriptors or limits of this program",
                               "its files and connections would be cut or mixed up", false},
  };
  return &texts[change];
}

unsigned guest_changes(void) { return guest_state.changes; }

void guest_forget_changes(void) { guest_state.changes = 0; }

void guest_set_mpi(enum status (*start)(struct error *error)) { guest_state.start_mpi = start; }

// --- threads ---

void guest_list_threads(struct guest_threads *threads) {
  threads->count = 0;
  DIR *directory = opendir("/proc/self/task");
  if (!directory) return;
  for (const struct dirent *entry; (entry = readdir(directory)) && threads->count < GUEST_THREADS;)
    if (entry->d_name[0] != '.') threads->ids[threads->count++] = (pid_t)atoi(entry->d_name);
  closedir(directory);
}

bool guest_has_thread(const struct guest_threads *threads, pid_t thread) {
  for (size_t i = 0; i < threads->count; i++)
    if (threads->ids[i] == thread) return true;
  return false;
}

// The threads that MPI starts are ours (G7), those that the guests have started on loading are not.
enum status guest_start_mpi(struct error *error) {
  struct guest_threads before, after, *ours = &guest_state.ours;
  if (!guest_state.start_mpi) return STATUS_OK;
  guest_list_threads(&before);
  const enum status status = guest_state.start_mpi(error);
  guest_list_threads(&after);
  for (size_t i = 0; i < after.count; i++)
    if (!guest_has_thread(&before, after.ids[i]) && ours->count < GUEST_THREADS)
      ours->ids[ours->count++] = after.ids[i];
  return status;
}

void guest_set_host(const struct guest_host *host, struct guest_host *before) {
  if (before) *before = guest_state.host;
  guest_state.host = *host;
}

bool guest_is_at_work(void) {
  return atomic_load(&guest_guard.now) % 16 != GUEST_NONE && guest_state.process == getpid() &&
         guest_state.thread == (pid_t)syscall(SYS_gettid);
}

// --- where a call is ---

void guest_describe(const struct guest *guest, enum guest_function function, char *text, size_t size) {
  static const char *const names[GUEST_FUNCTIONS] = {
      "",           "loading",  "create", "progress", "reset", "reset_begin", "reset_end", "step",
      "step_begin", "step_end", "info",   "save",     "load",  "error",       "destroy",   "unloading"};
  if (function == GUEST_OPEN || function == GUEST_CLOSE)
    snprintf(text, size, "%s: %s", guest->name, names[function]);
  else if (function == GUEST_CREATE || function == GUEST_DESTROY)
    snprintf(text, size, "%s: environment %" PRIu64 " (%s): %s", guest->name, guest->index,
             guest->evaluation ? "evaluation" : "training", names[function]);
  else if (function >= GUEST_PROGRESS && function <= GUEST_RESET_END)
    snprintf(text, size, "%s: environment %" PRIu64 " (%s): reset into episode %" PRIu64, guest->name, guest->index,
             guest->evaluation ? "evaluation" : "training", guest->episode);
  else
    snprintf(text, size, "%s: environment %" PRIu64 " (%s): %s %" PRIu64 " of episode %" PRIu64, guest->name,
             guest->index, guest->evaluation ? "evaluation" : "training",
             function == GUEST_STEP_BEGIN || function == GUEST_STEP_END ? "step" : names[function], guest->step,
             guest->episode);
}

// --- what a guest changed ---

// Logs each kind of change once in a process; as a warning only for the job's first environment, since the others do
// the same.
static void note_changes(const struct guest *guest, enum guest_function function, unsigned changes) {
  const unsigned fresh = changes & ~guest_state.reported;
  guest_state.changes |= changes;
  guest_state.reported |= changes;
  for (unsigned change = 0; change < GUEST_CHANGES; change++) {
    if (!(fresh & 1u << change)) continue;
    const struct guest_change_text *text = guest_change_text(change);
    char where[256];
    guest_describe(guest, function, where, sizeof where);
    const bool is_loud = !text->is_kept && guest->index == 0;
    if (change == GUEST_CHANGED_FILES)
      log_warn("%s %s", where, guest_state.repaired);
    else
      log_write(is_loud ? LOG_WARN : LOG_DEBUG, "%s changed %s%s", where, text->what,
                text->is_kept ? "" : "; it was set back");
  }
}

// The control words are those of Intel's and Arm's manuals. x86-64 has two units: SSE (mxcsr) and x87 (fcw).
unsigned guest_restore_arithmetic(void) {
  unsigned changes = 0;
#if defined __SSE2__
  const unsigned control = _mm_getcsr();
  if ((control & 0x6000u) != 0) changes |= 1u << GUEST_CHANGED_ROUNDING;
  if ((control & 0x8040u) != 0) changes |= 1u << GUEST_CHANGED_FLUSHING;
  if ((control & 0x1f80u) != 0x1f80u) changes |= 1u << GUEST_CHANGED_TRAPS;
  if (changes) _mm_setcsr(0x1f80u);
  unsigned short x87;
  __asm__ volatile("fnstcw %0" : "=m"(x87));
  if ((x87 & 0x0f3fu) != 0x033fu) {
    const unsigned short right = 0x037f;
    if ((x87 & 0x3f) != 0x3f) changes |= 1u << GUEST_CHANGED_TRAPS;
    if ((x87 & 0x0c00) != 0) changes |= 1u << GUEST_CHANGED_ROUNDING;
    if ((x87 & 0x0300) != 0x0300) changes |= 1u << GUEST_CHANGED_PRECISION;
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(right));
  }
#elif defined __aarch64__
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  if (control & 3u << 22) changes |= 1u << GUEST_CHANGED_ROUNDING;
  if (control & 1u << 24) changes |= 1u << GUEST_CHANGED_FLUSHING;
  if (control & 0x9f00u) changes |= 1u << GUEST_CHANGED_TRAPS;
  control = 0;
  if (changes) __asm__ volatile("msr fpcr, %0" : : "r"(control));
#else
  if (fegetround() != FE_TONEAREST) changes |= 1u << GUEST_CHANGED_ROUNDING;
  fesetenv(FE_DFL_ENV);
#endif
  return changes;
}

void guest_read_directory(char *path) {
  const ssize_t size = readlink("/proc/self/cwd", path, FILE_PATH);
  path[size > 0 && size < FILE_PATH ? size : 0] = 0;
}

// The path comes first, since a network file system that hangs does not answer stat. It may have another name by now.
static bool has_changed_directory(void) {
  char path[FILE_PATH];
  struct stat now;
  guest_read_directory(path);
  if (path[0] && strcmp(path, guest_state.directory_path) == 0) return false;
  return stat(".", &now) != 0 || now.st_dev != guest_state.directory_device || now.st_ino != guest_state.directory;
}

static unsigned restore_umask(void) {
  const mode_t now = umask(guest_state.umask); // to read it is to set it
  return now != guest_state.umask ? 1u << GUEST_CHANGED_UMASK : 0;
}

// Whether a guest has set the locale of the process. To see it, this thread puts its own locale aside for a moment.
static bool has_locale(void) {
  const locale_t ours = uselocale(LC_GLOBAL_LOCALE);
  const char *now = setlocale(LC_ALL, NULL);
  const bool other = now && strcmp(now, "C") != 0;
  uselocale(ours);
  return other;
}

unsigned guest_check_process(void) {
  struct error lost = {0};
  unsigned changes = restore_umask();
  if (guest_state.host.mend_signals) changes |= guest_state.host.mend_signals();
  if (guest_files_check(guest_state.repaired, &lost) != STATUS_OK && !guest_state.ended[0])
    snprintf(guest_state.ended, sizeof guest_state.ended, "it %.500s", lost.text);
  if (guest_state.repaired[0]) changes |= 1u << GUEST_CHANGED_FILES;
  if (has_changed_directory()) changes |= 1u << GUEST_CHANGED_DIRECTORY;
  guest_guard.has_locale |= has_locale();
  if (guest_guard.has_locale) changes |= 1u << GUEST_CHANGED_LOCALE;
  guest_state.checked = clock_coarse();
  return changes;
}

static bool is_check_due(enum guest_function function, unsigned attention) {
  if (guest_state.process == 0) return false; // the guard does not run, so it does not know what was before
  if (function <= GUEST_CREATE || attention & GUEST_DUE) return true;
  if (function != GUEST_RESET && function != GUEST_RESET_END && function != GUEST_LOAD) return false;
  return guest_state.resets++ < FIRST_RESETS || clock_coarse() - guest_state.checked > CHECK_SECONDS;
}

// --- the two calls ---

void guest_before_call(enum guest_function function) {
  if (function <= GUEST_CREATE && !guest_guard.guest->is_outside) guest_files_note_libraries();
  locale_restore(guest_state.locale);
}

void guest_await_release(void) {
  const struct timespec pause = {.tv_nsec = 1000000};
  while (atomic_load(&guest_guard.attention) & (GUEST_TAKEN | GUEST_HELD)) nanosleep(&pause, NULL); // G2, G4
}

void guest_after_call(enum guest_function function) {
  if (atomic_load(&guest_guard.attention) & GUEST_FORKED) guest_end_child(function);
  guest_await_release();

  // Our code again: the C locale and the default arithmetic (G1).
  if (guest_guard.has_locale || !guest_is_fast(function)) guest_state.locale = locale_enter_c();
  unsigned changes = guest_restore_arithmetic();

  // What costs a system call, now and then.
  const unsigned attention = atomic_fetch_and(&guest_guard.attention, ~(unsigned)GUEST_DUE);
  if (is_check_due(function, attention)) changes |= guest_check_process();
  if (changes & ~guest_state.reported || changes & ~guest_state.changes)
    note_changes(guest_guard.guest, function, changes);

  // The guest has ended the process, but not in a way that could end this call (G6). The call counts as under way
  // again.
  if (!guest_state.ended[0]) return;
  atomic_store(&guest_guard.now, guest_guard.calls * 16 + (uint64_t)function);
  guest_end_here(guest_state.ended, 0);
}

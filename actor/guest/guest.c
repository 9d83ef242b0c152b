#include "actor/guest/guest.h"

#include "actor/guest/guest_impl.h"
#include "common/base/c_locale.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <fenv.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const double LOOK_SECONDS = 0.05; // between two looks after resets: a short episode is not worth one

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
      [GUEST_CHANGED_MASK] = {"mask", "the signal mask", "a signal would not be heard", false},
      [GUEST_CHANGED_DIRECTORY] = {"directory", "the working directory", "relative paths would name other files", true},
      [GUEST_CHANGED_UMASK] = {"umask", "the umask", "checkpoints could not be read", false},
      [GUEST_CHANGED_FILES] = {"files", "descriptors or limits of this program",
                               "its files and connections would be cut or mixed up", false},
  };
  return &texts[change];
}

unsigned guest_changes(void) { return guest_state.changes; }

void guest_forget_changes(void) { guest_state.changes = 0; }

void guest_set_host(const struct guest_host *host, struct guest_host *before) {
  if (before) *before = guest_state.host;
  guest_state.host = *host;
}

bool guest_is_at_work(void) {
  return atomic_load(&guest_guard.now) % 16 != GUEST_NONE && guest_state.process == getpid() &&
         guest_state.thread == (pid_t)syscall(SYS_gettid);
}

// ---- where a call is ----

void guest_describe(const struct guest *guest, enum guest_function function, char *text, size_t size) {
  static const char *const names[GUEST_FUNCTIONS] = {"",           "loading",  "create",   "reset", "step",
                                                     "step_begin", "step_end", "info",     "save",  "load",
                                                     "error",      "destroy",  "unloading"};
  if (function == GUEST_OPEN || function == GUEST_CLOSE)
    snprintf(text, size, "%s: %s", guest->name, names[function]);
  else if (function == GUEST_CREATE || function == GUEST_DESTROY)
    snprintf(text, size, "%s: environment %" PRIu64 " (%s): %s", guest->name, guest->index,
             guest->evaluation ? "evaluation" : "training", names[function]);
  else if (function == GUEST_RESET)
    snprintf(text, size, "%s: environment %" PRIu64 " (%s): reset into episode %" PRIu64, guest->name, guest->index,
             guest->evaluation ? "evaluation" : "training", guest->episode);
  else
    snprintf(text, size, "%s: environment %" PRIu64 " (%s): %s %" PRIu64 " of episode %" PRIu64, guest->name,
             guest->index, guest->evaluation ? "evaluation" : "training",
             function == GUEST_STEP_BEGIN || function == GUEST_STEP_END ? "step" : names[function], guest->step,
             guest->episode);
}

// ---- what a guest changed ----

// Says each kind of change once in a process, for the job's first environment loudly.
static void note_changes(const struct guest *guest, enum guest_function function, unsigned changes) {
  const unsigned fresh = changes & ~guest_state.said;
  guest_state.changes |= changes;
  guest_state.said |= changes;
  for (unsigned change = 0; change < GUEST_CHANGES; change++) {
    if (!(fresh & 1u << change)) continue;
    const struct guest_change_text *text = guest_change_text(change);
    char where[256];
    guest_describe(guest, function, where, sizeof where);
    const bool is_loud = !text->is_kept && guest->index == 0;
    if (change == GUEST_CHANGED_FILES)
      log_warn("%s %s", where, guest_state.mended);
    else
      log_write(is_loud ? LOG_WARN : LOG_DEBUG, "%s changed %s%s", where, text->what,
                text->is_kept ? "" : "; it was set back");
  }
}

// The bits of what differs; the default environment afterwards.
unsigned guest_mend_arithmetic(void) {
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

static bool is_elsewhere(void) {
  struct stat now;
  return stat(".", &now) != 0 || now.st_dev != guest_state.directory_device || now.st_ino != guest_state.directory;
}

static unsigned mend_umask(void) {
  const mode_t now = umask(guest_state.umask); // no other way to ask for it
  return now != guest_state.umask ? 1u << GUEST_CHANGED_UMASK : 0;
}

// The locale that the whole process has, as a guest's setlocale left it.
static bool has_locale(void) {
  const locale_t ours = uselocale(LC_GLOBAL_LOCALE);
  const char *now = setlocale(LC_ALL, NULL);
  const bool other = now && strcmp(now, "C") != 0;
  uselocale(ours);
  return other;
}

// All that costs a system call.
unsigned guest_look_around(void) {
  struct error lost = {0};
  unsigned changes = mend_umask();
  if (guest_state.host.mend_signals) changes |= guest_state.host.mend_signals();
  if (guest_files_check(guest_state.mended, &lost) != STATUS_OK && !guest_state.ended[0])
    snprintf(guest_state.ended, sizeof guest_state.ended, "it %.500s", lost.text);
  if (guest_state.mended[0]) changes |= 1u << GUEST_CHANGED_FILES;
  if (is_elsewhere()) changes |= 1u << GUEST_CHANGED_DIRECTORY;
  guest_guard.has_locale |= has_locale();
  if (guest_guard.has_locale) changes |= 1u << GUEST_CHANGED_LOCALE;
  guest_state.looked = clock_coarse();
  return changes;
}

static bool is_look_due(enum guest_function function, unsigned attention) {
  if (guest_state.process == 0) return false; // nobody watches: what was right before is not known
  if (function <= GUEST_CREATE || attention & GUEST_DUE) return true;
  if (function != GUEST_RESET && function != GUEST_LOAD) return false;
  return guest_state.resets++ < 8 || clock_coarse() - guest_state.looked > LOOK_SECONDS;
}

// ---- the two calls ----

void guest_prepare(enum guest_function function) {
  if (function <= GUEST_CREATE) guest_files_note_libraries();
  locale_restore(guest_state.locale);
}

// Somebody else is at work in this thread's place: for good, or while it reads whose call this is.
void guest_await_release(void) {
  const struct timespec pause = {.tv_nsec = 1000000};
  while (atomic_load(&guest_guard.attention) & (GUEST_TAKEN | GUEST_HELD)) nanosleep(&pause, NULL);
}

void guest_settle(enum guest_function function) {
  if (atomic_load(&guest_guard.attention) & GUEST_FORKED) guest_end_child(function);
  guest_await_release();
  if (guest_guard.has_locale || function < GUEST_STEP || function > GUEST_INFO) guest_state.locale = locale_enter_c();
  const struct guest *guest = guest_guard.guest;
  const unsigned attention = atomic_fetch_and(&guest_guard.attention, ~(unsigned)GUEST_DUE);
  unsigned changes = guest_mend_arithmetic();
  if (is_look_due(function, attention)) changes |= guest_look_around();
  if (changes & ~guest_state.said || changes & ~guest_state.changes) note_changes(guest, function, changes);
  if (!guest_state.ended[0]) return;
  atomic_store(&guest_guard.now, guest_guard.calls * 16 + (uint64_t)function); // the process ended within this call
  guest_end_here(guest_state.ended, 0);
}

// corsac check-env --ranks-per-env K: a group of ranks makes the calls, as in training. Its first rank notes the
// findings and sends them to rank 0, which prints them. No process can be started for each group of rules, so the first
// crash or hang is the last finding.
#include "launch/environments/check_env_impl.h"

#include "actor/group.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/wire/codec.h"
#include "launch/cli/command.h"
#include "launch/cli/signals.h"
#include "launch/train/ranks.h"
#include "launch/train/roles.h"

#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FINDINGS_MAGIC = 0x31464543 }; // "CEF1"
static const double SEND_SECONDS = 5, PATIENCE = 3600;

// What the first rank of the group sends after each group of rules. All ranks run one program, so the findings are sent
// as they lie in memory.
struct findings {
  struct findings_head {
    uint32_t magic;
    bool last, stopped; // nothing follows; a signal was the reason
  } head;
  struct check check;
};

// --- the first rank of the group ---

struct leading {
  struct checker *checker;
  struct ranks *ranks;
  const volatile sig_atomic_t *stop;
  struct findings *findings; // scratch
  uint64_t calls;            // as is_urgent saw them last
  double since;              // s: when they last changed
};

static void send_findings(struct leading *leading, bool last) {
  struct error error = {0};
  struct findings *findings = leading->findings;
  findings->head = (struct findings_head){FINDINGS_MAGIC, last, *leading->stop != 0};
  memcpy(&findings->check, leading->checker->check, sizeof findings->check);
  if (transport_send(leading->ranks->transport, 0, findings, sizeof *findings, &error) != STATUS_OK)
    log_error("%s", error.text);
  if (last) transport_flush(leading->ranks->transport, SEND_SECONDS);
}

// The group's other ranks may be in the call for ever. This one stays until mpirun ends it with the job, which ends
// when rank 0 has reported.
static _Noreturn void send_and_stay(struct leading *leading) {
  const struct timespec pause = {.tv_nsec = 50000000};
  const pid_t parent = getppid();
  const double until = clock_now() + PATIENCE;
  send_findings(leading, true);
  while (getppid() == parent && clock_now() < until) nanosleep(&pause, NULL);
  _exit(EXIT_FAILED);
}

static void take_end(void *host, const struct guest_end *end) {
  struct leading *leading = host;
  struct check *check = leading->checker->check;
  alarm(0); // of a crash: what follows takes as long as rank 0 needs
  check_note(check, RULE_ENDS, BROKEN, "%s: %s; an environment returns an error instead", check->call, end->how);
  send_and_stay(leading);
}

// In the watch's thread, during a long call.
static bool is_urgent(void *host) {
  struct leading *leading = host;
  const uint64_t calls = leading->checker->check->calls;
  const double now = clock_now();
  if (calls != leading->calls) leading->since = now;
  leading->calls = calls;
  return *leading->stop || now - leading->since > leading->checker->timeout + 1; // later than the group's own limit
}

static void take_over(void *host, const struct error *where) {
  struct leading *leading = host;
  struct check *check = leading->checker->check;
  (void)where;
  if (!*leading->stop)
    check_note(check, check->rule, BROKEN, "it hangs in %s: no answer for %g s (--timeout)", check->call,
               leading->checker->timeout);
  send_and_stay(leading);
}

static void run_rules(struct leading *leading, struct group *group) {
  struct checker *checker = leading->checker;
  struct error error = {0};
  struct environment_kind kind;
  enum status status = environment_kind_open(&kind, checker->config.env, &checker->config, &error);
  if (status == STATUS_OK) status = group_lead(group, &kind, &error);
  if (status != STATUS_OK) {
    check_note(checker->check, RULE_OPEN, BROKEN, "%s", error.text);
    return;
  }
  check_note_changes(checker->check);
  for (int i = 0; !*leading->stop && checker_run_here(checker, i, &kind); i++) send_findings(leading, false);
  environment_kind_close(&kind);
  if (checker->check->usable) check_note_faultless(checker->check);
}

static int lead_group(struct leading *leading, bool *together) {
  struct error error = {0};
  leading->findings = memory_alloc(1, sizeof *leading->findings, "the findings", &error);
  if (!leading->findings) return command_fail(&error);
  guest_set_host(&(struct guest_host){.who = leading,
                                      .ended = take_end,
                                      .is_urgent = is_urgent,
                                      .take_over = take_over,
                                      .mend_signals = signals_mend},
                 NULL);
  leading->checker->check->rule = RULE_OPEN;
  leading->since = clock_now();
  run_rules(leading, leading->ranks->group);
  *together = !group_is_broken(leading->ranks->group);
  if (!*together) send_and_stay(leading);
  group_dismiss(leading->ranks->group, EXIT_DONE, true);
  send_findings(leading, true);
  memory_free(leading->findings);
  return EXIT_DONE; // rank 0 has the exit code
}

// --- rank 0 ---

// Takes a message: the findings so far, or why a rank cannot go on. *last: nothing follows.
static enum status take(struct checker *checker, const uint8_t *bytes, size_t size, bool *last, struct error *error) {
  struct frame frame;
  struct message_failed failed;
  struct findings_head head = {0};
  if (size == sizeof(struct findings)) memcpy(&head, bytes, sizeof head);
  if (head.magic == FINDINGS_MAGIC) {
    memcpy(checker->check, bytes + offsetof(struct findings, check), sizeof *checker->check);
    *last = head.last;
    return head.stopped ? error_set(error, STATUS_STOPPED, "check-env: a signal stopped it") : STATUS_OK;
  }
  enum status status = frame_decode(bytes, size, &frame, error);
  if (status == STATUS_OK) status = message_decode_failed(&frame, &failed, error);
  if (status != STATUS_OK) return status;
  check_note(checker->check, RULE_ENDS, BROKEN, "%s; an environment returns an error instead", failed.text);
  *last = true;
  return STATUS_OK;
}

static enum status gather(struct checker *checker, struct transport *transport, const volatile sig_atomic_t *stop,
                          struct error *error) {
  const double until = clock_now() + PATIENCE;
  struct backoff backoff = {0};
  enum status status = STATUS_OK;
  for (bool last = false; !last && status == STATUS_OK;) {
    int from;
    const uint8_t *bytes;
    size_t size = 0;
    status = transport_receive(transport, &from, &bytes, &size, error);
    if (status == STATUS_OK && size > 0) status = take(checker, bytes, size, &last, error);
    if (status != STATUS_OK || size > 0) continue;
    if (*stop) return error_set(error, STATUS_STOPPED, "check-env: a signal stopped it");
    if (clock_now() > until) return error_set(error, STATUS_PEER, "check-env: no rank reported for %g s", PATIENCE);
    backoff_wait(&backoff);
  }
  return status;
}

static int report(struct checker *checker, struct transport *transport, const volatile sig_atomic_t *stop,
                  bool *together) {
  struct error error = {0};
  const enum status status = gather(checker, transport, stop, &error);
  const struct check *check = checker->check;
  *together = status == STATUS_OK && check->findings[RULE_ENDS].verdict != BROKEN && !check->inside;
  return status == STATUS_OK ? checker_report(checker) : command_fail(&error);
}

// --- all ranks ---

static enum status connect(struct checker *checker, struct ranks *ranks, struct error *error) {
  uint32_t groups = (uint32_t)ranks->size - 1;
  enum status status = ranks_count_groups(&checker->config, &groups, error);
  if (status == STATUS_OK && groups > 1)
    status = error_set(
        error, STATUS_USAGE, "check-env: one group of %llu ranks is checked: start it with mpirun -n %llu",
        (unsigned long long)checker->config.ranks_per_env, (unsigned long long)checker->config.ranks_per_env + 1);
  if (status != STATUS_OK) return status;
  status = ranks_compare(error);
  return status == STATUS_OK ? ranks_connect(ranks, &checker->config, 0, error) : status;
}

int check_env_on_ranks(struct checker *checker) {
  struct error error = {0};
  struct ranks ranks;
  struct role_result result = {EXIT_FAILED, true};
  const volatile sig_atomic_t *stop = signals_install();
  enum status status = ranks_start(&ranks, NULL, NULL, &error);
  if (status == STATUS_OK) status = connect(checker, &ranks, &error);
  log_init(ranks.rank, LOG_ERROR); // changes become findings, not warnings
  if (status != STATUS_OK) {
    result.exit_code = ranks.rank == 0 ? command_fail(&error) : status_exit_code(status);
  } else if (!ranks.transport) {
    result = role_follow(ranks.group, &ranks.position, stop);
  } else if (ranks.rank == 0) {
    result.exit_code = report(checker, ranks.transport, stop, &result.together);
  } else {
    struct leading leading = {.checker = checker, .ranks = &ranks, .stop = stop};
    result.exit_code = lead_group(&leading, &result.together);
  }
  ranks_disconnect(&ranks);
  ranks_stop(&ranks, result.together, result.exit_code);
  return result.exit_code;
}

// What every transport promises, checked over all of its ends. In one process (loopback) `ends` are all of them; under
// MPI each rank has its own, and `meet` (a barrier) separates the checks.
#ifndef CORSAC_TESTS_SUPPORT_TRANSPORT_CHECKS_H
#define CORSAC_TESTS_SUPPORT_TRANSPORT_CHECKS_H

#include "common/wire/transport.h"

struct transport_checks {
  struct transport **ends; // (count)
  int count;
  void (*meet)(void); // NULL: all ends are here
  double seconds;     // after which a check that makes no progress fails
};
// Everybody sends to everybody, itself too, messages of 1 byte to 8 MB: nothing is lost, doubled, mixed up or
// overtaken.
void transport_check_all_pairs(const struct transport_checks *checks);
// Everybody sends thousands of small messages to rank 0 at once.
void transport_check_many_to_one(const struct transport_checks *checks);
// After a warm-up an exchange with one message each way needs no more memory, and rank 0's memory is bounded by what is
// under way.
void transport_check_memory(const struct transport_checks *checks);
// A message beyond the limit is refused with its sizes, and nothing of it is counted.
void transport_check_limit(const struct transport_checks *checks);

#endif

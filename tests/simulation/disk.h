// The disk of the learner's host: real files in a directory, of which it knows what a loss of power would leave. A file
// is durable once fsync has returned for it, a renaming once fsync has returned for its directory. Calls may fail or
// take long, as the plan says.
#ifndef CORSAC_TESTS_SIMULATION_DISK_H
#define CORSAC_TESTS_SIMULATION_DISK_H

#include "tests/simulation/plan.h"

#include <stdbool.h>

struct disk;

// directory: exists and is empty.
struct disk *disk_create(const char *directory);
void disk_destroy(struct disk *disk);

// A fault of a disk begins or ends.
void disk_fault(struct disk *disk, enum fault_kind kind, bool begins);

// The process that used it is dead: its descriptors are closed. What it wrote stays.
void disk_process_killed(struct disk *disk);

// What is not durable is lost, or half of it, as the seed says.
void disk_lose_power(struct disk *disk);

// Whether a write may fail or take long now, or could a moment ago.
bool disk_is_ill(const struct disk *disk);

// Whether a fault that can cost durable data has ever begun.
bool disk_has_lied(const struct disk *disk);

#endif

// What parts of the learner cost: seams.c measures the processor time of its functions where the world has a meter.
#ifndef CORSAC_TESTS_SIMULATION_METER_H
#define CORSAC_TESTS_SIMULATION_METER_H

#include <stddef.h>
#include <stdint.h>

enum meter_part { METER_DRAIN, METER_LOOK, METER_GRANT, METER_PUBLISH, METER_UPDATE, METER_PARTS };

struct meter {
  uint64_t calls[METER_PARTS], messages;
  double seconds[METER_PARTS];  // of the processor
  double lead;                  // s of the processor that the learner's process took so far
  double lead_began, lead_left; // the same when training began, and when the job began to leave
  double began, left;           // s of the world
  size_t memory;                // bytes that the learner's process had allocated when training began
};

double meter_processor(void); // s that this thread has had

#endif

// For how many steps an actor holds one draw of noise: n steps with P(n) ~ n^-2, n = 1 .. most. Noise that lasts takes
// an environment further than noise that is new at each step.
//
// There is no state to save. A hold begins with the first step of an episode (a reset draws anew), then where the one
// before ends, and at every NOISE_HOLD_SPAN steps of an episode. How long it is follows from the step that it begins
// with, counted over the environment's life; its noise is what RANDOM_ACTOR gives for that step. So the hold that a
// step lies in is found from the begin of its span on, whoever makes the step, and after a resume too.
#ifndef CORSAC_ACTOR_NOISE_HOLD_H
#define CORSAC_ACTOR_NOISE_HOLD_H

#include <stdbool.h>
#include <stdint.h>

// A resume looks back no further. Of 16 steps at most, it cuts one hold in some 30,000.
enum { NOISE_HOLD_SPAN = 1 << 16 };

struct noise_hold_rule {
  uint64_t seed;
  uint32_t environment, most;
  double weight;  // noise_hold_weight(most)
  uint32_t agent; // of the environment, which holds its noise as if the others were not there
};

// Steps [from, until) of an environment's life; {0} before the first.
struct noise_hold {
  uint64_t from, until;
};

// The sum of n^-2 for n = 1 .. most.
double noise_hold_weight(uint32_t most);

// The length of a hold that begins with `step`, unless it is cut.
uint32_t noise_hold_length(const struct noise_hold_rule *rule, uint64_t step);

// Makes *hold the one that `step` lies in, the step after episode_length others of its episode. False: it was that
// already. *hold is {0}, or of a step before this one.
bool noise_hold_find(const struct noise_hold_rule *rule, struct noise_hold *hold, uint64_t step,
                     uint32_t episode_length);
#endif

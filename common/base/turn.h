// What one turn of a role's loop did. The loops of actor and learner never block: whoever drives them sleeps (with
// backoff) when they idle.
#ifndef CORSAC_COMMON_WIRE_TURN_H
#define CORSAC_COMMON_WIRE_TURN_H

enum turn {
  TURN_IDLE, // nothing to do until a message comes or time passes
  TURN_BUSY, // did something; there may be more
  TURN_DONE  // this role is over
};

#endif

// What one turn of a role's loop did. The loops of actor and learner never block: their caller sleeps, with backoff,
// while both are idle.
#ifndef CORSAC_COMMON_BASE_TURN_H
#define CORSAC_COMMON_BASE_TURN_H

enum turn {
  TURN_IDLE, // nothing to do until a message comes or time passes
  TURN_BUSY, // something was done, and there may be more to do
  TURN_DONE  // this role is over
};

#endif

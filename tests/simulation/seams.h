// Functions that take the place of the system's, and of some of the program's, where simulate is linked (the linker's
// --wrap; SEAMS in tests.mk lists them). The program itself has nothing of this in it.
//
//   time         clock_gettime, time, nanosleep; backoff_wait and backoff_reset, which poll for messages
//   threads      pthread_create and conditions: a thread is a fibre of its process
//   processes    getpid, gethostname; process_has_ended and the like, which ask the world
//   environment  environment_kind_open: the simulated one (environment.c)
//   disk         write, pwrite, fsync, rename (disk.c)
//   log          log_write: into the trace and the checks; log_open_file: no file
//   roles        learner_create, learner_turn, actor_turn: they show the checks what they work on, and take time
#ifndef CORSAC_TESTS_SIMULATION_SEAMS_H
#define CORSAC_TESTS_SIMULATION_SEAMS_H

#define SEAM(name)   __wrap_##name
#define BEHIND(name) __real_##name

#endif

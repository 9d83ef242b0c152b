// The ranks of mpirun's job, as train and eval start, connect and end them: rank 0 leads, the others act, with
// --ranks-per-env in groups.
#ifndef CORSAC_LAUNCH_TRAIN_RANKS_H
#define CORSAC_LAUNCH_TRAIN_RANKS_H

#include "common/config/config.h"
#include "common/wire/transport.h"
#include "launch/mpi/launcher.h"
#include "launch/train/groups.h"
#include <stdbool.h>
#include <stddef.h>

struct group;
struct ranks {
  struct launcher launcher;
  bool started;                // MPI is
  int rank, size;              // 0 of 1 without mpirun
  int watch;                   // of launcher_watch_begin, or -1
  unsigned patience;           // s that other ranks may take to MPI_Finalize once this one is there
  struct transport *transport; // rank 0 and the first ranks of groups; NULL in the other ranks

  // With --ranks-per-env, in every rank but 0:
  struct transport *inner; // among the ranks of the group
  struct group *group;
  struct group_position position;
};

// Starts MPI where mpirun or the like started this process. STATUS_USAGE: several processes were started that MPI does
// not connect. After any failure `started` says whether ranks_stop has to follow.
enum status ranks_start(struct ranks *ranks, int *argc, char ***argv, struct error *error);

// The last call, which does nothing without mpirun. As mpi_stop, it may end the process.
void ranks_stop(const struct ranks *ranks, bool together, int exit_code);

// Collective, at start-up: checks that all ranks run this version of the program.
enum status ranks_compare(struct error *error);

// Collective: rank 0 sends its configuration, as text, to all. So an actor's node need not see the files. resolved:
// rank 0's status so far, which all return. The others wait an hour for rank 0, which may read a checkpoint of a whole
// node's memory first; the launcher ends them if it dies.
enum status ranks_share_config(struct config *config, int rank, enum status resolved, struct error *error);

// Collective: makes communicators, groups and transports. shared: bytes of a node's shared weights, 0 for none.
enum status ranks_connect(struct ranks *ranks, const struct config *config, size_t shared, struct error *error);

// Waits a moment until what was sent has left, and destroys what ranks_connect made.
void ranks_disconnect(struct ranks *ranks);

// The actors that `ranks` ranks beside rank 0 make: groups of config->ranks_per_env. STATUS_USAGE: they make none.
enum status ranks_count_groups(const struct config *config, uint32_t *actors, struct error *error);

#endif

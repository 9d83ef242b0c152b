#include "launch/mpi/launcher.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char OPENMPI[] =
    "the mpirun of the Open MPI that corsac is linked with (`ldd` names it, `mpirun --version` "
    "tells which one is found first): mpirun --bind-to none -n N corsac ...";
static const char SRUN[] = "mpirun --bind-to none corsac ... in the job, or srun --mpi=pmix (`srun --mpi=list` says "
                           "whether it is there, and Open MPI has to be built for it)";

// Each kind sets these two variables. The first kind that is found counts, so one that may run within another comes
// first: a job of MPICH within a step of Slurm. `also`: a variable that has to be set too.
static const struct kind {
  const char *name, *tasks, *task, *also, *advice;
} kinds[] = {
    {"Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", NULL, OPENMPI},
    {"mpirun of MVAPICH", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", NULL, OPENMPI},
    {"mpiexec of Intel MPI", "PMI_SIZE", "PMI_RANK", "I_MPI_HYDRA_TOPOLIB", OPENMPI},
    {"mpiexec of Intel MPI", "PMI_SIZE", "PMI_RANK", "I_MPI_MPIRUN", OPENMPI},
    {"mpiexec of MPICH", "PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS", OPENMPI},
    {"HPE's PALS (aprun, mpiexec)", "PMI_SIZE", "PMI_RANK", "PALS_RANKID", OPENMPI},
    {"LSF's jsrun", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK", NULL, OPENMPI},
    {"Flux", "FLUX_JOB_SIZE", "FLUX_TASK_RANK", NULL, OPENMPI},
    {"LoadLeveler's poe", "MP_PROCS", "MP_CHILD", NULL, OPENMPI},
    {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_ID", SRUN},
    {"srun", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_STEP_ID", SRUN},
    {"the launcher of another MPI", "PMI_SIZE", "PMI_RANK", NULL, OPENMPI},
};

// false: the variable is not set, or is no number.
static bool read_count(const char *name, uint64_t *value) {
  const char *text = getenv(name);
  char *end;
  if (!text || !isdigit((unsigned char)*text)) return false;
  *value = strtoull(text, &end, 10);
  return *end == 0;
}

// Whether this is a task of a step that srun began. A batch script and an interactive shell of salloc are steps of
// another kind, with numbers from 2^32 - 16 on, or with none. With srun --pty a person sits at the first task. A
// program started in those is one process, however many tasks there are.
static bool is_task_of_step(void) {
  uint64_t step, first;
  if (!read_count("SLURM_STEP_ID", &step) || step >= 0xfffffff0u) return false;
  const bool itself = read_count("SLURM_TASK_PID", &first) && first == (uint64_t)getpid();
  return itself || !getenv("SLURM_PTY_PORT");
}

struct launcher launcher_find(void) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    const struct kind *kind = &kinds[i];
    struct launcher found = {kind->name, kind->tasks, kind->advice, 0, 0};
    const bool step = kind->also && strcmp(kind->also, "SLURM_STEP_ID") == 0;
    if (kind->also && !(step ? is_task_of_step() : getenv(kind->also) != NULL)) continue;
    if (read_count(kind->tasks, &found.tasks) && read_count(kind->task, &found.task)) return found;
  }
  return (struct launcher){0};
}

enum status launcher_check(const struct launcher *launcher, int size, struct error *error) {
  if (!launcher->name || launcher->tasks <= 1 || size > 1) return STATUS_OK;
  return error_set(
      error, STATUS_USAGE,
      "%s started %llu processes (%s), but MPI holds each for one of its own, so each would be a job of its "
      "own. Start them with %s",
      launcher->name, (unsigned long long)launcher->tasks, launcher->variable, launcher->advice);
}

void launcher_srun_kinds(char *text, size_t size) {
  char line[256];
  size_t used = 0;
  text[0] = 0;
  FILE *pipe = popen("command -v srun >/dev/null && timeout -k 1 5 srun --mpi=list 2>&1 </dev/null", "re");
  if (!pipe) return;
  // The output is a heading that ends with dots, then a name a line (older versions write "srun: " before it), at last
  // versions behind a colon.
  while (fgets(line, sizeof line, pipe)) {
    char *rest = NULL;
    const char *colon = strrchr(line, ':');
    if (strstr(line, "...")) continue;
    for (char *word = strtok_r(colon ? line + (colon + 1 - line) : line, " \t\n,", &rest); word && used < size;
         word = strtok_r(NULL, " \t\n,", &rest))
      used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", word);
  }
  if (pclose(pipe) != 0) text[0] = 0;
}

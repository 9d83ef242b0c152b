#include "launch/mpi/launcher.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The environment holds these and no others of its kind. "A=1 B=2"
static struct launcher within(const char *variables) {
  static const char *const all[] = {"OMPI_COMM_WORLD_SIZE",
                                    "OMPI_COMM_WORLD_RANK",
                                    "MV2_COMM_WORLD_SIZE",
                                    "MV2_COMM_WORLD_RANK",
                                    "PMI_SIZE",
                                    "PMI_RANK",
                                    "I_MPI_HYDRA_TOPOLIB",
                                    "I_MPI_MPIRUN",
                                    "MPI_LOCALNRANKS",
                                    "PALS_RANKID",
                                    "JSM_NAMESPACE_SIZE",
                                    "JSM_NAMESPACE_RANK",
                                    "FLUX_JOB_SIZE",
                                    "FLUX_TASK_RANK",
                                    "MP_PROCS",
                                    "MP_CHILD",
                                    "SLURM_STEP_NUM_TASKS",
                                    "SLURM_NTASKS",
                                    "SLURM_PROCID",
                                    "SLURM_STEP_ID",
                                    "SLURM_JOB_ID",
                                    "SLURM_TASK_PID",
                                    "SLURM_PTY_PORT",
                                    "PMIX_RANK"};
  char text[512], *rest = NULL;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) unsetenv(all[i]);
  snprintf(text, sizeof text, "%s", variables);
  for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    char *value = strchr(word, '=');
    *value = 0;
    setenv(word, value + 1, 1);
  }
  return launcher_find();
}

static enum status check(const char *variables, int size, const char *what) {
  struct error error = {0};
  const struct launcher launcher = within(variables);
  const enum status status = launcher_check(&launcher, size, &error);
  if (!strstr(error.text, what)) {
    fprintf(stderr, "  %s: '%s' does not say '%s'\n", variables, error.text, what);
    return STATUS_FAILED;
  }
  return status;
}

#define STEP "SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=4 "

static void test_apart(void) {
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=0 SLURM_PROCID=0", 1, "srun started 4 processes"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=0 SLURM_PROCID=3", 1, "srun --mpi=pmix"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=0 SLURM_PROCID=3", 1, "srun --mpi=list"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=0 SLURM_PROCID=3 PMIX_RANK=3", 1, "srun"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=2 SLURM_PROCID=1 PMI_SIZE=4 PMI_RANK=1", 1, "srun"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("PMI_SIZE=3 PMI_RANK=2 MPI_LOCALNRANKS=3", 1, "MPICH started 3 processes (PMI_SIZE)"),
                  STATUS_USAGE);
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=0 SLURM_PROCID=0 PMI_SIZE=8 PMI_RANK=5 MPI_LOCALNRANKS=4", 1, "MPICH"),
                  STATUS_USAGE);
  CU_ASSERT_EQUAL(check("PMI_SIZE=3 PMI_RANK=2 MPI_LOCALNRANKS=3 I_MPI_MPIRUN=mpirun", 1, "Intel MPI"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("PMI_SIZE=3 PMI_RANK=2 PALS_RANKID=2", 1, "PALS"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("PMI_SIZE=3 PMI_RANK=2", 1, "another MPI"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("MV2_COMM_WORLD_SIZE=3 MV2_COMM_WORLD_RANK=2", 1, "MVAPICH"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("JSM_NAMESPACE_SIZE=3 JSM_NAMESPACE_RANK=2", 1, "jsrun"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("FLUX_JOB_SIZE=3 FLUX_TASK_RANK=2", 1, "Flux"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("MP_PROCS=3 MP_CHILD=2", 1, "poe"), STATUS_USAGE);
  CU_ASSERT_EQUAL(check("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=2", 1, "`mpirun --version`"), STATUS_USAGE);
  CU_ASSERT_EQUAL(launcher_find().task, 2);
  CU_ASSERT_EQUAL(check("SLURM_NTASKS=4 SLURM_STEP_ID=0 SLURM_PROCID=1", 1, "srun"), STATUS_USAGE);
  char own[256]; // a step within a shell of srun --pty
  snprintf(own, sizeof own, STEP "SLURM_STEP_ID=1 SLURM_PROCID=0 SLURM_PTY_PORT=5 SLURM_TASK_PID=%d", (int)getpid());
  CU_ASSERT_EQUAL(check(own, 1, "srun"), STATUS_USAGE);
}

static void test_fine(void) {
  static const char *const alone[] = {
      "SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_PROCID=0", // a batch script
      STEP "SLURM_STEP_ID=batch SLURM_PROCID=0",
      STEP "SLURM_PROCID=0",                                                                 // ... of other versions
      STEP "SLURM_STEP_ID=4294967290 SLURM_PROCID=0",                                        // salloc's shell
      "SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 SLURM_STEP_ID=0 SLURM_PROCID=0", // srun -n 1
      STEP "SLURM_STEP_ID=0 SLURM_PROCID=0 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0",   // mpirun -n 1 in a step
      STEP "SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_PTY_PORT=5 SLURM_TASK_PID=1",               // srun --pty bash
      "PMI_SIZE=1 PMI_RANK=0",
      "FLUX_JOB_SIZE=4",
      "PMI_SIZE=many PMI_RANK=0",
      "PMI_SIZE= PMI_RANK=",
      ""};
  for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) CU_ASSERT_EQUAL(check(alone[i], 1, ""), STATUS_OK);
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=0 SLURM_PROCID=3 PMIX_RANK=3", 4, ""), STATUS_OK); // MPI knows
  // A daemon of mpirun is what srun began, once on each node.
  CU_ASSERT_EQUAL(check(STEP "SLURM_STEP_ID=0 SLURM_PROCID=3 OMPI_COMM_WORLD_SIZE=16 OMPI_COMM_WORLD_RANK=9", 16, ""),
                  STATUS_OK);
}

static void put_srun(const char *directory, const char *script) {
  char *path = unit_path(directory, "srun");
  unit_write_file(path, script, strlen(script));
  chmod(path, 0755);
  free(path);
}

static void test_srun(void) {
  char *directory = unit_tmpdir(), kinds[64], path[4096];
  const char *old = getenv("PATH");
  char *kept = strdup(old ? old : "/usr/bin:/bin");
  snprintf(path, sizeof path, "%s:/usr/bin:/bin", directory);
  setenv("PATH", path, 1);
  put_srun(
      directory,
      "#!/bin/sh\n[ \"$1\" = --mpi=list ] || exit 1\nprintf 'MPI plugin types are...\\n\\tnone\\n\\tpmi2\\n\\tpmix\\n'"
      "\nprintf 'specific pmix plugin versions available: pmix_v4\\n'\n");
  launcher_srun_kinds(kinds, sizeof kinds);
  CU_ASSERT_STRING_EQUAL(kinds, "none pmi2 pmix pmix_v4");
  put_srun(directory, "#!/bin/sh\necho 'srun: MPI types are...'\necho 'srun: none'\necho 'srun: pmi2'\n");
  launcher_srun_kinds(kinds, sizeof kinds);
  CU_ASSERT_STRING_EQUAL(kinds, "none pmi2");
  put_srun(directory, "#!/bin/sh\necho 'srun: fatal: no controller'\nexit 1\n");
  launcher_srun_kinds(kinds, sizeof kinds);
  CU_ASSERT_STRING_EQUAL(kinds, "");
  put_srun(directory, "#!/bin/sh\nexec sleep 1000\n"); // given up
  launcher_srun_kinds(kinds, sizeof kinds);
  CU_ASSERT_STRING_EQUAL(kinds, "");
  setenv("PATH", kept, 1);
  free(kept);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"several processes that MPI does not connect are detected by their launcher's variables", test_apart},
      {"one process, and ranks that MPI connects, are accepted", test_fine},
      {"srun is asked which kinds of MPI it starts, with a limit of time", test_srun},
  };
  return unit_run("launcher", cases, sizeof cases / sizeof *cases);
}

// Apart from unit.c, which knows nothing of MPI.
#include <stdio.h>

#include <mpi.h>

#include <CUnit/Basic.h>

#include "tests/support/unit_impl.h"

int unit_run_mpi(const char *suite, const struct unit_case *cases, size_t count) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  setvbuf(stdout, NULL, _IOLBF, 0); // a crash must not swallow the name of the case
  int failed = unit_register(suite, cases, count);
  if (!failed) {
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_ErrorCode ran = rank == 0 ? CU_basic_run_tests() : CU_run_all_tests(); // the second prints nothing
    failed = ran != CUE_SUCCESS || CU_get_number_of_failures() > 0 || (rank == 0 && CU_get_number_of_asserts() == 0);
  }
  if (rank != 0)
    for (CU_pFailureRecord f = CU_get_failure_list(); f; f = f->pNext)
      fprintf(stderr, "rank %d: %s: %s:%u: %s\n", rank, f->pTest ? f->pTest->pName : suite, f->strFileName,
              f->uiLineNumber, f->strCondition);
  CU_cleanup_registry();
  int any = 0;
  MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return any;
}

// Stands in for CUnit and OpenBLAS where tests run on another processor, whose libraries are not installed here: just
// what tests/support/unit.c and common/nn/linalg.c call. Its declarations are theirs.
#include <CUnit/Basic.h>
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

// --- CUnit ---

enum { MOST_TESTS = 100 };
static struct {
  const char *name;
  CU_TestFunc run;
} tests[MOST_TESTS];
static unsigned test_count, failed_tests, asserts, failures;

CU_ErrorCode CU_initialize_registry(void) { return CUE_SUCCESS; }
void CU_cleanup_registry(void) {}
const char *CU_get_error_msg(void) { return "more tests than there is room for"; }

CU_pSuite CU_add_suite(const char *name, CU_InitializeFunc init, CU_CleanupFunc clean) {
  static CU_Suite suite;
  (void)name, (void)init, (void)clean;
  return &suite;
}

CU_pTest CU_add_test(CU_pSuite suite, const char *name, CU_TestFunc run) {
  static CU_Test test;
  (void)suite;
  if (test_count == MOST_TESTS) return NULL;
  tests[test_count].name = name;
  tests[test_count++].run = run;
  return &test;
}

void CU_basic_set_mode(CU_BasicRunMode mode) { (void)mode; }

CU_BOOL CU_assertImplementation(CU_BOOL passed, unsigned line, const char *condition, const char *file,
                                const char *function, CU_BOOL fatal) {
  (void)function;
  asserts++;
  if (!passed) printf("%s:%u: %s\n", file, line, condition);
  failures += !passed;
  if (!passed && fatal) exit(1);
  return passed;
}

CU_ErrorCode CU_basic_run_tests(void) {
  for (unsigned i = 0; i < test_count; i++) {
    const unsigned before = failures;
    tests[i].run();
    if (failures > before) printf("failed: %s\n", tests[i].name);
    failed_tests += failures > before;
  }
  printf("%u passed, %u failed\n", test_count - failed_tests, failed_tests);
  return CUE_SUCCESS;
}

unsigned CU_get_number_of_asserts(void) { return asserts; }
unsigned CU_get_number_of_failures(void) { return failures; }

// --- OpenBLAS, row-major ---

void openblas_set_num_threads(int count) { (void)count; }
int openblas_get_num_threads(void) { return 1; }
char *openblas_get_config(void) {
  static char config[] = "no OpenBLAS";
  return config;
}
char *openblas_get_corename(void) {
  static char name[] = "none";
  return name;
}

// c = beta c + alpha op(a) op(b): op(a) (m x k), op(b) (k x n);   y = beta y + alpha op(a) x: a (m x n)
#define PRODUCTS(p, type)                                                                                              \
  void cblas_##p##gemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, blasint m, blasint n, \
                       blasint k, type alpha, const type *a, blasint lda, const type *b, blasint ldb, type beta,       \
                       type *c, blasint ldc) {                                                                         \
    (void)order;                                                                                                       \
    for (blasint i = 0; i < m; i++) {                                                                                  \
      for (blasint j = 0; j < n; j++) {                                                                                \
        type sum = 0;                                                                                                  \
        for (blasint l = 0; l < k; l++)                                                                                \
          sum += (ta == CblasNoTrans ? a[i * lda + l] : a[l * lda + i]) *                                              \
                 (tb == CblasNoTrans ? b[l * ldb + j] : b[j * ldb + l]);                                               \
        c[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);                                        \
      }                                                                                                                \
    }                                                                                                                  \
  }                                                                                                                    \
  void cblas_##p##gemv(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, blasint m, blasint n, type alpha,              \
                       const type *a, blasint lda, const type *x, blasint incx, type beta, type *y, blasint incy) {    \
    cblas_##p##gemm(order, ta, CblasNoTrans, ta == CblasNoTrans ? m : n, 1, ta == CblasNoTrans ? n : m, alpha, a, lda, \
                    x, incx, beta, y, incy);                                                                           \
  }
PRODUCTS(s, float)
PRODUCTS(d, double)

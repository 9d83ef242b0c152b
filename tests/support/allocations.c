#include "tests/support/allocations.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t count;
static atomic_bool
    asked; // from then on it counts: to look the caller up takes time, and every test program has this malloc

size_t allocations_count(void) {
  atomic_store(&asked, true);
  return atomic_load(&count);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZER 1
#endif

#if !defined(__GLIBC__) || defined(SANITIZER)
bool allocations_counted(void) { return false; }
#else
// valgrind puts its own malloc before ours.
bool allocations_counted(void) {
  const char *preloaded = getenv("LD_PRELOAD");
  return !preloaded || !strstr(preloaded, "vgpreload");
}

// glibc's own entry points, there so that a program may put its own functions before them.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t items, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

// OpenBLAS' small-matrix kernels for AVX-512 take a buffer in every call: theirs, and nothing a caller can change.
static void note(const void *caller) {
  Dl_info info;
  if (!atomic_load_explicit(&asked, memory_order_relaxed)) return;
  if (dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "openblas")) return;
  atomic_fetch_add(&count, 1);
}

void *malloc(size_t size) {
  note(__builtin_return_address(0));
  return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
  note(__builtin_return_address(0));
  return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
  note(__builtin_return_address(0));
  return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  note(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  note(__builtin_return_address(0));
  void *taken = __libc_memalign(alignment, size);
  if (!taken) return ENOMEM;
  *block = taken;
  return 0;
}
#endif

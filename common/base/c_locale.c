#include "common/base/c_locale.h"
#include <stdatomic.h>
#include <stddef.h>

// A constant that is made at its first use. glibc and musl return an object that exists already, so two threads that
// make it at once get the same one.
static locale_t c_locale(void) {
  static _Atomic(locale_t) made;
  locale_t locale = atomic_load_explicit(&made, memory_order_acquire);
  if (locale) return locale;
  locale = newlocale(LC_ALL_MASK, "C", NULL);
  atomic_store_explicit(&made, locale, memory_order_release);
  return locale;
}

locale_t locale_enter_c(void) { return uselocale(c_locale()); }

void locale_restore(locale_t before) { uselocale(before); }

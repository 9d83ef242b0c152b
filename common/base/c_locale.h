// The locale of this thread. Numbers are read and written as in C ("0.5"), whatever the locale of the process. A
// plugin, or the program that links one of our libraries, may call setlocale at any time. That changes every printf,
// strtod and localeconv of the process, also in Jansson, libyaml and HDF5. It does not change a thread with a locale of
// its own.
//
//   main and every thread of ours: locale_enter_c() as the first line.
//   A public call of a library of ours: locale_t host = locale_enter_c(); ...; locale_restore(host);
//   A call of foreign code that needs the process's locale, such as an environment's:
//     locale_restore(guest); ...; guest = locale_enter_c();   guest: at first LC_GLOBAL_LOCALE
#ifndef CORSAC_COMMON_BASE_C_LOCALE_H
#define CORSAC_COMMON_BASE_C_LOCALE_H

#include <locale.h>

// Sets the calling thread's locale to "C" and returns the one it had (LC_GLOBAL_LOCALE: it followed the process). With
// glibc this never fails. It allocates nothing after the first call, is thread-safe and costs a few writes.
locale_t locale_enter_c(void);

// Sets the calling thread's locale to `before`: the result of locale_enter_c, or LC_GLOBAL_LOCALE.
void locale_restore(locale_t before);

#endif

// The locale of this thread. Numbers are read and written as in C ("0.5") whatever locale the process is in: a plugin,
// or the program that links one of our libraries, may call setlocale at any time, which changes every printf, strtod
// and localeconv of the process, those of Jansson, libyaml and HDF5 too. A thread with a locale of its own is not
// touched by that.
//
//   main and every thread of ours: locale_enter_c() as the first line.
//   A public call of a library of ours: locale_t host = locale_enter_c(); ...; locale_restore(host);
//   A call of somebody else's code that is to see the process's locale, as an environment's:
//     locale_restore(guest); ...; guest = locale_enter_c();   guest: at first LC_GLOBAL_LOCALE
#ifndef CORSAC_COMMON_BASE_C_LOCALE_H
#define CORSAC_COMMON_BASE_C_LOCALE_H

#include <locale.h>

// The calling thread's locale becomes "C"; returns the one it had (LC_GLOBAL_LOCALE: it followed the process). Never
// fails with glibc, allocates nothing after the first call, and is thread-safe: a call and four writes to the thread's
// own memory.
locale_t locale_enter_c(void);
// The calling thread's locale becomes `before`: what locale_enter_c returned, or LC_GLOBAL_LOCALE.
void locale_restore(locale_t before);

#endif

// Preloaded: each checkpoint takes 3 seconds longer to become durable.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int fsync(int file) {
  const struct timespec pause = {3, 0};
  char link[64], path[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/ckpt-")) nanosleep(&pause, NULL);
  int (*real)(int);
  *(void **)&real = dlsym(RTLD_NEXT, "fsync");
  return real(file);
}

// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// Preloaded, it makes every fsync and fdatasync take a millisecond longer, as on a disk that is slower by that.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

typedef int (*sync_function)(int);

static int sync_later(sync_function function, int file) {
  const struct timespec millisecond = {0, 1000000};
  nanosleep(&millisecond, 0);
  return function(file);
}

int fsync(int file) { return sync_later((sync_function)dlsym(RTLD_NEXT, "fsync"), file); }
int fdatasync(int file) { return sync_later((sync_function)dlsym(RTLD_NEXT, "fdatasync"), file); }

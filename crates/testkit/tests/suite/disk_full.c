/* Preloaded into a daemon: while the file named by DISK_IS_FULL exists, nothing more can be written to the
   database, as on a full disk; while that named by DISK_IS_READ_ONLY exists, nothing can be written or made there, as
   after a file system was mounted anew to be read only; while the file named by DISK_FAILS exists, nothing of it comes to the disk any more
   (fsync answers EIO), as on one that is broken. Everything else goes on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int strikes(int fd, const char *name, int fault) {
  const char *mark = getenv(name);
  char link[64], path[4096];
  ssize_t length;
  if (!mark || access(mark, F_OK) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (!strstr(path, "hongyan.db")) return 0;
  errno = fault;
  return 1;
}

static int is_full(int fd) {
  return strikes(fd, "DISK_IS_FULL", ENOSPC) || strikes(fd, "DISK_IS_READ_ONLY", EROFS);
}

static int is_read_only(const char *path, int flags) {
  const char *mark = getenv("DISK_IS_READ_ONLY");
  if (!mark || access(mark, F_OK) != 0) return 0;
  if (!strstr(path, "hongyan.db") || (flags & O_ACCMODE) == O_RDONLY) return 0;
  errno = EROFS;
  return 1;
}

static int fails(int fd) { return strikes(fd, "DISK_FAILS", EIO); }

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t count) {
  REAL(write);
  return is_full(fd) ? -1 : real(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  REAL(pwrite);
  return is_full(fd) ? -1 : real(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  REAL(pwrite64);
  return is_full(fd) ? -1 : real(fd, bytes, count, at);
}

int open(const char *path, int flags, ...) {
  REAL(open);
  va_list more;
  mode_t mode;
  va_start(more, flags);
  mode = (flags & O_CREAT) ? va_arg(more, int) : 0;
  va_end(more);
  return is_read_only(path, flags) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  REAL(open64);
  va_list more;
  mode_t mode;
  va_start(more, flags);
  mode = (flags & O_CREAT) ? va_arg(more, int) : 0;
  va_end(more);
  return is_read_only(path, flags) ? -1 : real(path, flags, mode);
}

int fsync(int fd) {
  REAL(fsync);
  return fails(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return fails(fd) ? -1 : real(fd);
}

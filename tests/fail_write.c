/* Makes the k-th write, sync or rename below a folder fail, and all after it: VITALS_FAIL_IN, _AT, _ERRNO; VITALS_FAIL_TORN
   lets half of the failing write through. Preloaded by tests/e2e/test_disk_faults.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long calls;

static int watched(int fd) {
    char link[64], path[PATH_MAX];
    const char *folder = getenv("VITALS_FAIL_IN");
    if (!folder) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(void) { return ++calls >= atol(getenv("VITALS_FAIL_AT")); }
static void say(void) { errno = atoi(getenv("VITALS_FAIL_ERRNO")); }
static size_t part(size_t n) { return getenv("VITALS_FAIL_TORN") && calls == atol(getenv("VITALS_FAIL_AT")) ? n / 2 : 0; }

ssize_t write(int fd, const void *b, size_t n) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (watched(fd) && fails()) { size_t k = part(n); if (k) return real(fd, b, k); say(); return -1; }
    return real(fd, b, n);
}
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    if (watched(fd) && fails()) { size_t k = part(n); if (k) return real(fd, b, k, o); say(); return -1; }
    return real(fd, b, n, o);
}
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { return pwrite64(fd, b, n, o); }
int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    if (watched(fd) && fails()) { say(); return -1; }
    return real(fd);
}
int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    if (watched(fd) && fails()) { say(); return -1; }
    return real(fd);
}
int rename(const char *a, const char *b) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    const char *folder = getenv("VITALS_FAIL_IN");
    if (folder && strncmp(b, folder, strlen(folder)) == 0 && fails()) { say(); return -1; }
    return real(a, b);
}

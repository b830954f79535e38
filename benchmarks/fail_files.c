/* A library for LD_PRELOAD that lets the file operations below one folder fail, for `faults.py --exhaustive`.
 *
 * `fail_files_watch` names the folder. After `fail_files_arm`, the operation with the given number fails, and with `lasting` also
 * all operations after it. A pause neither counts nor fails operations. `fail_files_disarm` returns how many operations have failed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_FILES 65536

static char folder[4096];
static size_t folder_length;
static unsigned char is_watched[MAX_FILES]; /* by file descriptor */
static atomic_int armed;
static atomic_long n_seen, n_failed;
static long first;
static int lasting, code, only_writes, deadly;

void fail_files_watch(const char *path) {
    strncpy(folder, path, sizeof folder - 1);
    folder_length = strlen(folder);
}

void fail_files_arm(long number, int is_lasting, int error, int writes, int kill) {
    first = number, lasting = is_lasting, code = error, only_writes = writes, deadly = kill;
    n_seen = n_failed = 0;
    armed = 1;
}

void fail_files_pause(int is_paused) { armed = !is_paused; }

long fail_files_disarm(void) {
    armed = 0;
    return n_failed;
}

static int is_inside(const char *path) { return folder_length && path && !strncmp(path, folder, folder_length); }

static int is_open(int file) { return file >= 0 && file < MAX_FILES && is_watched[file]; }

static int fails(int is_write) {
    if (!armed || (only_writes && !is_write)) return 0;
    long number = n_seen++;
    if (number != first && !(lasting && number > first)) return 0;
    n_failed++;
    if (deadly) kill(getpid(), SIGKILL);
    errno = code;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

static int opened(int file, const char *path) {
    if (file >= 0 && file < MAX_FILES) is_watched[file] = is_inside(path);
    return file;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        MODE(flags) \
        if (is_inside(path) && fails(flags & (O_WRONLY | O_RDWR | O_CREAT))) return -1; \
        return opened(REAL(name)(path, flags, mode), path); \
    }
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        MODE(flags) \
        if (is_inside(path) && fails(flags & (O_WRONLY | O_RDWR | O_CREAT))) return -1; \
        return opened(REAL(name)(at, path, flags, mode), path); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int file) {
    if (file >= 0 && file < MAX_FILES) is_watched[file] = 0;
    return REAL(close)(file);
}

#define ON_FILE(type, name, is_write, parameters, arguments) \
    type name parameters { return is_open(file) && fails(is_write) ? -1 : REAL(name) arguments; }
ON_FILE(ssize_t, read, 0, (int file, void *to, size_t n), (file, to, n))
ON_FILE(ssize_t, pread, 0, (int file, void *to, size_t n, off_t at), (file, to, n, at))
ON_FILE(ssize_t, pread64, 0, (int file, void *to, size_t n, off64_t at), (file, to, n, at))
ON_FILE(ssize_t, write, 1, (int file, const void *from, size_t n), (file, from, n))
ON_FILE(ssize_t, pwrite, 1, (int file, const void *from, size_t n, off_t at), (file, from, n, at))
ON_FILE(ssize_t, pwrite64, 1, (int file, const void *from, size_t n, off64_t at), (file, from, n, at))
ON_FILE(int, fsync, 1, (int file), (file))
ON_FILE(int, fdatasync, 1, (int file), (file))
ON_FILE(int, ftruncate, 1, (int file, off_t n), (file, n))
ON_FILE(int, ftruncate64, 1, (int file, off64_t n), (file, n))
ON_FILE(int, fallocate, 1, (int file, int how, off_t at, off_t n), (file, how, at, n))
ON_FILE(int, fallocate64, 1, (int file, int how, off64_t at, off64_t n), (file, how, at, n))

/* The names that the compiler's checks of buffers use. */
ssize_t __read_chk(int file, void *to, size_t n, size_t size) { return (void)size, read(file, to, n); }
ssize_t __pread_chk(int file, void *to, size_t n, off_t at, size_t size) { return (void)size, pread(file, to, n, at); }
ssize_t __pread64_chk(int file, void *to, size_t n, off64_t at, size_t size) { return (void)size, pread64(file, to, n, at); }
int __open_2(const char *path, int flags) { return open(path, flags); }
int __open64_2(const char *path, int flags) { return open64(path, flags); }

#define ON_PATH(name, parameters, arguments) \
    int name parameters { return is_inside(path) && fails(1) ? -1 : REAL(name) arguments; }
ON_PATH(unlink, (const char *path), (path))
ON_PATH(unlinkat, (int at, const char *path, int flags), (at, path, flags))
ON_PATH(rename, (const char *path, const char *to), (path, to))
ON_PATH(renameat, (int at, const char *path, int to_at, const char *to), (at, path, to_at, to))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode))

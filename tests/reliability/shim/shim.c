/* Sits between a program and the C library and counts every call that changes a disk below one folder.
 *
 * The test writes a plan into a shared page; the call that the plan names fails with ENOSPC or EIO, is left
 * out, kills the process, or stops it until the test has looked. Reads nothing of what is written and changes
 * nothing that no plan names.
 *
 *   LAZARET_SHIM_UNDER    the folder whose files count
 *   LAZARET_SHIM_CONTROL  the shared page: 4 bytes serial number, 4 bytes "hit", then the plan as text
 *   LAZARET_SHIM_TRACE    where each call is noted: "operation path"
 *
 * A plan is "ACTION OPERATION PATH NTH": the action at the NTH call of this operation on this path. In a path
 * each document's id is ID, each number N, so that one path names one place in the code. "*" matches all.
 *   fail ENOSPC|EIO  that call only
 *   full             from that call on everything that needs space fails with ENOSPC, until the plan changes
 *   skip             every such call answers success and does nothing
 *   kill             SIGKILL before the call
 *   hold             the process stops before the call until the plan changes
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, ULID_CHARS = 26, HOLD_STEP_US = 1000 };

struct control {
    _Atomic unsigned serial;
    _Atomic unsigned hit;
    char plan[PAGE_BYTES - 8];
};

static struct control *control;
static const char *under;
static int trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The plan as last read, under the lock. */
static unsigned known;
static char action[16], operation[16], pattern[512];
static unsigned nth, count;
static _Atomic int full;

__attribute__((constructor)) static void begin(void) {
    const char *page = getenv("LAZARET_SHIM_CONTROL"), *log = getenv("LAZARET_SHIM_TRACE");
    under = getenv("LAZARET_SHIM_UNDER");
    if (!page || !under) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *map = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (map == MAP_FAILED) return;
    if (log) trace = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    control = map;
}

static void read_plan(void) {
    unsigned serial = atomic_load(&control->serial);
    if (serial == known) return;
    known = serial;
    count = 0;
    nth = 0;
    atomic_store(&full, 0);
    action[0] = operation[0] = pattern[0] = 0;
    sscanf(control->plan, "%15s %15s %511s %u", action, operation, pattern, &nth);
}

static int is_ulid(const char *text) {
    for (int i = 0; i < ULID_CHARS; i++)
        if (!isdigit((unsigned char)text[i]) && !isupper((unsigned char)text[i])) return 0;
    return 1;
}

/* Ids become ID, runs of hexadecimal digits with a digit among them become N. */
static void normalise(const char *path, char *out, size_t room) {
    size_t o = 0;
    while (*path && o + 4 < room) {
        if (is_ulid(path)) {
            memcpy(out + o, "ID", 2);
            o += 2, path += ULID_CHARS;
            continue;
        }
        size_t run = 0, digits = 0;
        while (isxdigit((unsigned char)path[run]) && !isupper((unsigned char)path[run]))
            digits += isdigit((unsigned char)path[run++]) != 0;
        if (digits && (run == digits || run >= 8)) {
            out[o++] = 'N', path += run;
        } else if (run) {
            size_t take = run < room - o - 1 ? run : room - o - 1;
            memcpy(out + o, path, take);
            o += take, path += run;
        } else {
            out[o++] = *path++;
        }
    }
    out[o] = 0;
}

/* The path below the folder, normalised; 0 when it is elsewhere or no file. */
static int place(int dir, const char *path, char *out, size_t room) {
    char full_path[PATH_MAX], link[64];
    if (!control) return 0;
    if (path && path[0] == '/') {
        snprintf(full_path, sizeof full_path, "%s", path);
    } else {
        size_t length = 0;
        if (dir == AT_FDCWD) {
            if (!getcwd(full_path, sizeof full_path)) return 0;
            length = strlen(full_path);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
            ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, link, full_path, sizeof full_path - 1);
            if (got <= 0) return 0;
            full_path[got] = 0;
            length = (size_t)got;
        }
        if (path) snprintf(full_path + length, sizeof full_path - length, "/%s", path);
    }
    size_t prefix = strlen(under);
    if (strncmp(full_path, under, prefix) != 0 || (full_path[prefix] != '/' && full_path[prefix])) return 0;
    const char *below = full_path[prefix] ? full_path + prefix + 1 : ".";
    /* The daemon's log is not its data. */
    if (strcmp(below, "lazaretd.log") == 0) return 0;
    normalise(below, out, room);
    return 1;
}

enum verdict { GO = 0, SKIP = -1 };

/* What happens to this call: GO, SKIP, or the error it fails with. */
static int judge(const char *op, int needs_space, const char *where) {
    int verdict = GO, stop = 0;
    unsigned serial;
    pthread_mutex_lock(&lock);
    read_plan();
    serial = known;
    if (trace >= 0) {
        char line[640];
        int length = snprintf(line, sizeof line, "%s %s\n", op, where);
        syscall(SYS_write, trace, line, (size_t)length);
    }
    int meant = action[0] && (strcmp(operation, "*") == 0 || strcmp(operation, op) == 0) &&
                (strcmp(pattern, "*") == 0 || strcmp(pattern, where) == 0);
    if (meant && strcmp(action, "skip") == 0) {
        atomic_fetch_add(&control->hit, 1);
        verdict = SKIP;
    } else if (meant && ++count == nth) {
        atomic_fetch_add(&control->hit, 1);
        if (strcmp(action, "ENOSPC") == 0) verdict = ENOSPC;
        else if (strcmp(action, "EIO") == 0) verdict = EIO;
        else if (strcmp(action, "full") == 0) atomic_store(&full, 1);
        else if (strcmp(action, "kill") == 0) syscall(SYS_kill, getpid(), SIGKILL);
        else if (strcmp(action, "hold") == 0) stop = 1;
    }
    if (verdict == GO && needs_space && atomic_load(&full)) verdict = ENOSPC;
    if (stop)
        /* The lock is kept: whoever else wants to change the disk waits too. */
        while (atomic_load(&control->serial) == serial) usleep(HOLD_STEP_US);
    pthread_mutex_unlock(&lock);
    return verdict;
}

#define NEXT(name) \
    static __typeof__(&name) real; \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

/* Judges the call and returns from it unless it may go on. */
#define GATE(op, needs_space, dir, path) \
    do { \
        char where[512]; \
        int error = errno; \
        if (place(dir, path, where, sizeof where)) { \
            int verdict = judge(op, needs_space, where); \
            if (verdict == SKIP) return 0; \
            if (verdict != GO) { errno = verdict; return -1; } \
        } \
        errno = error; \
    } while (0)

#define ON_FD(result, name, op, needs_space, parameters, arguments, fd) \
    result name parameters { \
        NEXT(name); \
        GATE(op, needs_space, fd, NULL); \
        return real arguments; \
    }

ON_FD(ssize_t, write, "write", 1, (int fd, const void *b, size_t n), (fd, b, n), fd)
ON_FD(ssize_t, writev, "write", 1, (int fd, const struct iovec *v, int n), (fd, v, n), fd)
ON_FD(ssize_t, pwrite, "write", 1, (int fd, const void *b, size_t n, off_t at), (fd, b, n, at), fd)
ON_FD(ssize_t, pwrite64, "write", 1, (int fd, const void *b, size_t n, off64_t at), (fd, b, n, at), fd)
ON_FD(ssize_t, pwritev, "write", 1, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at), fd)
ON_FD(ssize_t, pwritev64, "write", 1, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at), fd)
ON_FD(int, fsync, "fsync", 1, (int fd), (fd), fd)
ON_FD(int, fdatasync, "fsync", 1, (int fd), (fd), fd)
ON_FD(int, syncfs, "fsync", 1, (int fd), (fd), fd)
ON_FD(int, ftruncate, "truncate", 0, (int fd, off_t n), (fd, n), fd)
ON_FD(int, ftruncate64, "truncate", 0, (int fd, off64_t n), (fd, n), fd)
ON_FD(int, fallocate, "allocate", 1, (int fd, int m, off_t a, off_t n), (fd, m, a, n), fd)
ON_FD(int, fallocate64, "allocate", 1, (int fd, int m, off64_t a, off64_t n), (fd, m, a, n), fd)

#define ON_PATH(name, op, needs_space, parameters, arguments, dir, path) \
    int name parameters { \
        NEXT(name); \
        GATE(op, needs_space, dir, path); \
        return real arguments; \
    }

ON_PATH(rename, "rename", 1, (const char *a, const char *b), (a, b), AT_FDCWD, b)
ON_PATH(renameat, "rename", 1, (int d, const char *a, int e, const char *b), (d, a, e, b), e, b)
ON_PATH(renameat2, "rename", 1, (int d, const char *a, int e, const char *b, unsigned f), (d, a, e, b, f), e, b)
ON_PATH(link, "link", 1, (const char *a, const char *b), (a, b), AT_FDCWD, b)
ON_PATH(linkat, "link", 1, (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f), e, b)
ON_PATH(mkdir, "mkdir", 1, (const char *a, mode_t m), (a, m), AT_FDCWD, a)
ON_PATH(mkdirat, "mkdir", 1, (int d, const char *a, mode_t m), (d, a, m), d, a)
ON_PATH(unlink, "unlink", 0, (const char *a), (a), AT_FDCWD, a)
ON_PATH(unlinkat, "unlink", 0, (int d, const char *a, int f), (d, a, f), d, a)
ON_PATH(rmdir, "unlink", 0, (const char *a), (a), AT_FDCWD, a)

/* Only opening for a new file changes the disk. */
#define OPEN(name, parameters, dir, path, ...) \
    int name parameters { \
        NEXT(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list list; \
            va_start(list, flags); \
            mode = va_arg(list, mode_t); \
            va_end(list); \
        } \
        if (flags & O_CREAT) GATE("create", 1, dir, path); \
        return real(__VA_ARGS__, flags, mode); \
    }

OPEN(open, (const char *path, int flags, ...), AT_FDCWD, path, path)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, path, path)
OPEN(openat, (int dir, const char *path, int flags, ...), dir, path, dir, path)
OPEN(openat64, (int dir, const char *path, int flags, ...), dir, path, dir, path)

/* For calls that the C library has no name for: openat2 (and renameat2 by number). */
long syscall(long number, ...) {
    NEXT(syscall);
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_openat2 && (*(unsigned long long *)a[2] & O_CREAT)) GATE("create", 1, (int)a[0], (char *)a[1]);
    if (number == SYS_renameat2) GATE("rename", 1, (int)a[2], (char *)a[3]);
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Notes what a process does to the files of one directory, and which of it was made durable, so that a power cut can be
 * played afterwards (layer.rs). Loaded by LD_PRELOAD into the unchanged daemon.
 *
 *   DROP_DIR  the directory, as an absolute path without links
 *   DROP_LOG  the file that takes the notes; it must exist and lie elsewhere
 *
 * A note is one struct note, then its first bytes and its second bytes. It is written after the change, under one lock, so
 * that the notes are in the order of the changes. A sync's note comes before its caller goes on, and says up to which note
 * the changes were there when it began. A write to a file with the attribute of synchronous updates (chattr +S) is durable
 * once it returned, and its note says so. sync_file_range is not looked at: it makes nothing durable.
 * What the layer cannot note ends the process, so that no run passes by not looking. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct note {
  uint32_t kind;     /* W write, T truncate, C create, M mkdir, U unlink, D rmdir, R rename, S sync */
  uint32_t first;    /* bytes of the first part: the data, or a name */
  uint32_t second;   /* bytes of the second part: a rename's new name */
  uint32_t through;  /* 1: a write that was durable once it returned */
  uint64_t node;     /* inode that is written, made or moved; 0 where a name goes away */
  uint64_t parent;   /* inode of the directory that holds the name */
  uint64_t parent2;  /* of the directory that holds the new name */
  uint64_t number;   /* offset of a write, new length, or how many notes there were when a sync began */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t notes;
static int log_fd = -1;
static char dir[PATH_MAX];
static size_t dir_len;

static void die(const char *what) {
  char text[200];
  int n = snprintf(text, sizeof text, "drop layer: %s\n", what);
  syscall(SYS_write, 2, text, n);
  syscall(SYS_exit_group, 86);
}

__attribute__((constructor)) static void begin(void) {
  const char *where = getenv("DROP_DIR"), *log = getenv("DROP_LOG");
  if (!where || !log || strlen(where) >= sizeof dir) die("DROP_DIR and DROP_LOG are missing");
  strcpy(dir, where);
  dir_len = strlen(dir);
  log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
  if (log_fd < 0) die("DROP_LOG cannot be opened");
}

static int below(const char *path) {
  return strncmp(path, dir, dir_len) == 0 && (path[dir_len] == '/' || path[dir_len] == 0 || path[dir_len] == ' ');
}

/* Whether the file is one of ours; its inode then. A removed one still is. */
static int ours(int fd, uint64_t *node) {
  char link[64], path[PATH_MAX];
  struct stat st;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  if (!below(path)) return 0;
  if (syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) != 0) die("fstat");
  *node = st.st_ino;
  return 1;
}

/* A name in a directory of ours. */
struct place {
  uint64_t parent, node; /* node is 0 where there is nothing */
  char name[NAME_MAX + 1];
  mode_t mode;
};

static int find(int at, const char *path, struct place *place) {
  char parent[PATH_MAX], real[PATH_MAX];
  struct stat st;
  if (at != AT_FDCWD && path[0] != '/') {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, parent, sizeof parent - 1);
    if (n <= 0) return 0;
    parent[n] = 0;
    if (strlen(parent) + strlen(path) + 2 > sizeof parent) die("a path is too long");
    strcat(strcat(parent, "/"), path);
  } else {
    if (strlen(path) >= sizeof parent) return 0;
    strcpy(parent, path);
  }
  size_t end = strlen(parent);
  while (end > 1 && parent[end - 1] == '/') parent[--end] = 0;
  char *slash = strrchr(parent, '/');
  const char *name = slash ? slash + 1 : parent;
  if (strlen(name) > NAME_MAX) return 0;
  strcpy(place->name, name);
  if (slash) {
    *slash = 0;
    if (!realpath(parent[0] ? parent : "/", real)) return 0;
  } else if (!realpath(".", real)) {
    return 0;
  }
  if (!below(real)) return 0;
  if (syscall(SYS_newfstatat, AT_FDCWD, real, &st, 0) != 0) return 0;
  place->parent = st.st_ino;
  if (strlen(real) + strlen(place->name) + 2 > sizeof real) die("a path is too long");
  strcat(strcat(real, "/"), place->name);
  place->node = 0;
  if (syscall(SYS_newfstatat, AT_FDCWD, real, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    place->node = st.st_ino;
    place->mode = st.st_mode;
  }
  return 1;
}

/* Call with the lock held. */
static void put(struct note note, const void *first, const void *second) {
  struct iovec parts[3] = {
      {&note, sizeof note}, {(void *)first, note.first}, {(void *)second, note.second}};
  ssize_t whole = sizeof note + note.first + note.second;
  if (syscall(SYS_writev, log_fd, parts, 3) != whole) die("a note cannot be written");
  notes++;
}

static int is_written_through(int fd) {
  int flags = 0;
  return syscall(SYS_ioctl, fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_SYNC_FL);
}

static void put_write(uint64_t node, const void *data, size_t len, uint64_t offset, int through) {
  put((struct note){.kind = 'W', .first = len, .through = through, .node = node, .number = offset}, data, NULL);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
  uint64_t node;
  if (!ours(fd, &node)) return syscall(SYS_pwrite64, fd, data, len, offset);
  pthread_mutex_lock(&lock);
  int through = is_written_through(fd);
  ssize_t n = syscall(SYS_pwrite64, fd, data, len, offset);
  int kept = errno;
  if (n > 0) put_write(node, data, n, offset, through);
  pthread_mutex_unlock(&lock);
  errno = kept;
  return n;
}

ssize_t write(int fd, const void *data, size_t len) {
  uint64_t node;
  if (!ours(fd, &node)) return syscall(SYS_write, fd, data, len);
  pthread_mutex_lock(&lock);
  int through = is_written_through(fd);
  ssize_t n = syscall(SYS_write, fd, data, len);
  int kept = errno;
  if (n > 0) put_write(node, data, n, syscall(SYS_lseek, fd, 0, SEEK_CUR) - n, through);
  pthread_mutex_unlock(&lock);
  errno = kept;
  return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  uint64_t node;
  if (ours(fd, &node)) die("writev on a file is not noted");
  return syscall(SYS_writev, fd, parts, count);
}

int ftruncate64(int fd, off64_t len) {
  uint64_t node;
  if (!ours(fd, &node)) return syscall(SYS_ftruncate, fd, len);
  pthread_mutex_lock(&lock);
  int failed = syscall(SYS_ftruncate, fd, len), kept = errno;
  if (!failed) put((struct note){.kind = 'T', .node = node, .number = len}, NULL, NULL);
  pthread_mutex_unlock(&lock);
  errno = kept;
  return failed;
}

static int sync_with(long call, int fd) {
  uint64_t node;
  if (!ours(fd, &node)) return syscall(call, fd);
  pthread_mutex_lock(&lock);
  uint64_t before = notes;
  pthread_mutex_unlock(&lock);
  int failed = syscall(call, fd), kept = errno;
  if (!failed) {
    pthread_mutex_lock(&lock);
    put((struct note){.kind = 'S', .node = node, .number = before}, NULL, NULL);
    pthread_mutex_unlock(&lock);
  }
  errno = kept;
  return failed;
}

int fsync(int fd) { return sync_with(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }

static int open_at(int at, const char *path, int flags, mode_t mode) {
  struct place place;
  if (!(flags & (O_CREAT | O_TRUNC)) || !find(at, path, &place)) {
    return syscall(SYS_openat, at, path, flags, mode);
  }
  if (flags & (O_DSYNC | O_SYNC | O_DIRECT)) die("O_SYNC and O_DIRECT are not noted");
  pthread_mutex_lock(&lock);
  find(at, path, &place);
  int fd = syscall(SYS_openat, at, path, flags, mode), kept = errno;
  if (fd >= 0) {
    uint64_t node;
    if (!ours(fd, &node)) die("a link leads out of the directory");
    if (!place.node) {
      put((struct note){.kind = 'C', .first = strlen(place.name), .node = node, .parent = place.parent}, place.name, NULL);
    } else if (flags & O_TRUNC) {
      put((struct note){.kind = 'T', .node = node}, NULL, NULL);
    }
  }
  pthread_mutex_unlock(&lock);
  errno = kept;
  return fd;
}

static mode_t mode_of(int flags, va_list rest) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPEN(NAME, ARGUMENTS, AT)           \
  int NAME ARGUMENTS {                      \
    va_list rest;                           \
    va_start(rest, flags);                  \
    mode_t mode = mode_of(flags, rest);     \
    va_end(rest);                           \
    return open_at(AT, path, flags, mode);  \
  }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int at, const char *path, int flags, ...), at)
OPEN(openat64, (int at, const char *path, int flags, ...), at)

int mkdir(const char *path, mode_t mode) {
  struct place place;
  if (!find(AT_FDCWD, path, &place)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  pthread_mutex_lock(&lock);
  int failed = syscall(SYS_mkdirat, AT_FDCWD, path, mode), kept = errno;
  if (!failed) {
    find(AT_FDCWD, path, &place);
    put((struct note){.kind = 'M', .first = strlen(place.name), .node = place.node, .parent = place.parent}, place.name, NULL);
  }
  pthread_mutex_unlock(&lock);
  errno = kept;
  return failed;
}

int unlinkat(int at, const char *path, int flags) {
  struct place place;
  if (!find(at, path, &place)) return syscall(SYS_unlinkat, at, path, flags);
  pthread_mutex_lock(&lock);
  int failed = syscall(SYS_unlinkat, at, path, flags), kept = errno;
  if (!failed) {
    uint32_t kind = flags & AT_REMOVEDIR ? 'D' : 'U';
    put((struct note){.kind = kind, .first = strlen(place.name), .parent = place.parent}, place.name, NULL);
  }
  pthread_mutex_unlock(&lock);
  errno = kept;
  return failed;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int rename(const char *from, const char *to) {
  struct place old, new;
  int in = find(AT_FDCWD, from, &old), in2 = find(AT_FDCWD, to, &new);
  if (!in && !in2) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (!in || !in2) die("a rename over the directory's border is not noted");
  pthread_mutex_lock(&lock);
  find(AT_FDCWD, from, &old);
  int failed = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), kept = errno;
  if (!failed) {
    put((struct note){.kind = 'R', .first = strlen(old.name), .second = strlen(new.name), .node = old.node,
                      .parent = old.parent, .parent2 = new.parent}, old.name, new.name);
  }
  pthread_mutex_unlock(&lock);
  errno = kept;
  return failed;
}

/* What Rust's library or sled do not use on these files today; noticed should that change. */
static void refuse_fd(int fd, const char *what) {
  uint64_t node;
  if (ours(fd, &node)) die(what);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  refuse_fd(fd, "pwritev is not noted");
  return syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len) {
  refuse_fd(fd, "fallocate is not noted");
  return syscall(SYS_fallocate, fd, mode, offset, len);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t len, unsigned flags) {
  refuse_fd(out, "copy_file_range is not noted");
  return syscall(SYS_copy_file_range, in, from, out, to, len, flags);
}

ssize_t sendfile64(int out, int in, off64_t *from, size_t len) {
  refuse_fd(out, "sendfile is not noted");
  return syscall(SYS_sendfile, out, in, from, len);
}

void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset) {
  if (fd >= 0 && log_fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE)) refuse_fd(fd, "mmap is not noted");
  return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

int link(const char *from, const char *to) {
  struct place place;
  if (find(AT_FDCWD, to, &place)) die("link is not noted");
  return syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* The same calls under the names of 64-bit programs. */
ssize_t pwrite(int, const void *, size_t, off_t) __attribute__((alias("pwrite64")));
int ftruncate(int, off_t) __attribute__((alias("ftruncate64")));
ssize_t pwritev(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev64")));
int fallocate(int, int, off_t, off_t) __attribute__((alias("fallocate64")));
ssize_t sendfile(int, int, off_t *, size_t) __attribute__((alias("sendfile64")));
void *mmap(void *, size_t, int, int, int, off_t) __attribute__((alias("mmap64")));

#include "common/base/file.h"
#include "tests/support/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// Changes of the whole process are made in a child. Its exit status is the number of the line that was not
// so, modulo 256.
#define NEED(condition)                                                                                                \
  do {                                                                                                                 \
    if (!(condition)) _exit(__LINE__ & 255);                                                                           \
  } while (0)

static char *child_directory;

static int in_child(void (*run)(void), char *directory) {
  int status = 0;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    child_directory = directory;
    if (chdir(directory) != 0) _exit(255);
    umask(022);
    file_begin();
    run();
    _exit(0);
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void check_in_child(void (*run)(void)) {
  char *directory = unit_tmpdir();
  CU_ASSERT_EQUAL(in_child(run, directory), 0);
  unit_tmpdir_remove(directory);
}

static void use_after_chdir(void) {
  struct stat info;
  char buffer[FILE_PATH], wanted[FILE_PATH];
  NEED(chdir("/") == 0);
  NEED(file_mkdir("run", 0777) == 0);
  const int descriptor = file_open("run/a", O_WRONLY | O_CREAT, 0666);
  NEED(descriptor > 2 && write(descriptor, "text", 4) == 4 && close(descriptor) == 0);
  NEED(file_stat("run/a", &info) == 0 && info.st_size == 4 && stat("run/a", &info) != 0);
  NEED(file_rename("run/a", "b") == 0 && file_link("b", "c") == 0 && file_allows("c", R_OK));
  NEED(file_unlink("c") == 0 && file_rmdir("run") == 0);
  DIR *listing = file_opendir(".");
  const struct dirent *entry;
  int names = 0;
  while (listing && (entry = readdir(listing))) names += entry->d_name[0] != '.';
  NEED(names == 1);
  snprintf(wanted, sizeof wanted, "%s/b", child_directory);
  NEED(strcmp(file_path("b", buffer), wanted) == 0 && strcmp(file_path("/b", buffer), "/b") == 0);
  NEED(strcmp(file_path("", buffer), "") == 0 && strcmp(file_directory(), child_directory) == 0);
  struct error error = {0};
  FILE *file = file_read_plain("b", &error);
  NEED(file && fgetc(file) == 't');
}

static void test_chdir(void) { check_in_child(use_after_chdir); }

static mode_t mode_of(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 ? info.st_mode & 07777 : 0;
}

static void use_after_umask(void) {
  const int theirs = open("theirs", O_WRONLY | O_CREAT, 0600);
  NEED(theirs >= 0);
  umask(0777);
  NEED(file_open("new", O_WRONLY | O_CREAT | O_TRUNC, 0666) >= 0 && mode_of("new") == 0644);
  NEED(file_open("only", O_WRONLY | O_CREAT | O_EXCL, 0666) >= 0 && mode_of("only") == 0644);
  NEED(file_open("only", O_WRONLY | O_CREAT | O_EXCL, 0666) < 0 && errno == EEXIST);
  NEED(file_open("theirs", O_WRONLY | O_CREAT | O_APPEND, 0666) >= 0 && mode_of("theirs") == 0600);
  NEED(file_mkdir("directory", 0777) == 0 && mode_of("directory") == 0755);
  NEED(symlink("target", "link") == 0 && file_open("link", O_WRONLY | O_CREAT, 0666) >= 0);
  umask(0); // also one that lets too much be seen
  NEED(file_open("wide", O_WRONLY | O_CREAT, 0666) >= 0 && mode_of("wide") == 0644);
}

static void test_umask(void) { check_in_child(use_after_umask); }

static void use_without_standard(void) {
  close(0), close(1), close(2);
  for (int i = 0; i < 3; i++) NEED(file_open("a", O_RDWR | O_CREAT, 0666) > 2);
  NEED(fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0);
}

static void test_standard(void) { check_in_child(use_without_standard); }

static void use_close_from(void) {
  NEED(dup2(0, 700) == 700 && dup2(0, 30) == 30);
  file_close_from(31);
  NEED(fcntl(30, F_GETFD) >= 0 && fcntl(700, F_GETFD) < 0);
}

static void test_close_from(void) { check_in_child(use_close_from); }

static void refuses(const char *path, const char *words) {
  struct error opened = {0}, checked = {0}, read = {0};
  char wanted[FILE_PATH];
  snprintf(wanted, sizeof wanted, "%s: is %s, not a file", path, words);
  NEED(file_open_plain(path, O_RDONLY, &opened) < 0 && strcmp(opened.text, wanted) == 0);
  NEED(file_check_plain(path, &checked) == STATUS_IO && strcmp(checked.text, wanted) == 0);
  NEED(!file_read_plain(path, &read) && strcmp(read.text, wanted) == 0);
}

static void use_no_files(void) {
  NEED(mkfifo("fifo", 0600) == 0 && symlink("fifo", "link") == 0);
  refuses("fifo", "a pipe");
  refuses("link", "a pipe");
  refuses(".", "a directory");
  refuses("/dev/zero", "a device");
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
  NEED(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address) == 0);
  refuses("socket", "a socket");
  struct error error = {0};
  NEED(file_open_plain("absent", O_RDONLY, &error) < 0 && errno == ENOENT && strstr(error.text, "absent: cannot be"));
  close(open("plain", O_WRONLY | O_CREAT, 0600));
  error_clear(&error);
  NEED(file_open_plain("plain", O_RDONLY, &error) >= 0 && file_check_plain("plain", &error) == STATUS_OK);
}

static void test_no_files(void) { check_in_child(use_no_files); }

int main(void) {
  static const struct unit_case cases[] = {
      {"a relative path starts at the directory of the start, even after a chdir", test_chdir},
      {"new files get the mode that the umask of the start gives, old ones keep theirs", test_umask},
      {"no file gets the number of a closed standard stream", test_standard},
      {"every descriptor from a number on is closed", test_close_from},
      {"a pipe, a device, a socket and a directory are refused at once, by their kind", test_no_files},
  };
  return unit_run("file", cases, sizeof cases / sizeof *cases);
}

// exit, _exit, exec, MPI's ends and its beginning as environments see them. The program exports these names, so the
// call of a plugin, or of a library that it brings, arrives here first: a guest does not end the process
// (actor/guest/guest.h). Every other call goes on to the library that it was meant for.
#include "actor/guest/guest.h"

#include <dlfcn.h>
#include <errno.h>
#include <mpi.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// The next definition of this name, as bytes of a function pointer: ISO C has no cast from an object's address.
static void find_next(const char *name, void *function, size_t size) {
  void *symbol = dlsym(RTLD_NEXT, name);
  memcpy(function, &symbol, size);
}

static void note_exit(const char *call, int status) {
  char how[64];
  snprintf(how, sizeof how, "it called %s(%d)", call, status);
  guest_ends(how);
}

static _Noreturn void end_by(const char *name, int status) {
  void (*next)(int) = NULL;
  find_next(name, &next, sizeof next);
  if (next) next(status);
  for (;;) syscall(SYS_exit_group, status);
}

_Noreturn void exit(int status) {
  note_exit("exit", status);
  end_by("exit", status);
}

_Noreturn void _exit(int status) {
  note_exit("_exit", status);
  end_by("_exit", status);
}

_Noreturn void _Exit(int status) {
  note_exit("_Exit", status);
  end_by("_Exit", status);
}

_Noreturn void quick_exit(int status) {
  note_exit("quick_exit", status);
  end_by("quick_exit", status);
}

// A thread of the guest's own may end so; the one that calls the guest may not.
_Noreturn void pthread_exit(void *result) {
  void (*next)(void *) = NULL;
  if (guest_is_at_work()) guest_ends("it called pthread_exit, in a thread that is not its own");
  find_next("pthread_exit", &next, sizeof next);
  next(result);
  for (;;) pause();
}

// --- another program in this one's place ---

static void note_exec(const char *call, const char *program) {
  char how[256];
  if (!program || (strchr(program, '/') && access(program, X_OK) != 0)) return; // it will fail, and come back
  snprintf(how, sizeof how, "it called %s(\"%.150s\"), which puts another program in this one's place", call, program);
  guest_ends(how);
}

int execve(const char *program, char *const argv[], char *const environment[]) {
  int (*next)(const char *, char *const[], char *const[]) = NULL;
  note_exec("execve", program);
  find_next("execve", &next, sizeof next);
  return next(program, argv, environment);
}

int execv(const char *program, char *const argv[]) {
  int (*next)(const char *, char *const[]) = NULL;
  note_exec("execv", program);
  find_next("execv", &next, sizeof next);
  return next(program, argv);
}

int execvp(const char *program, char *const argv[]) {
  int (*next)(const char *, char *const[]) = NULL;
  note_exec("execvp", program);
  find_next("execvp", &next, sizeof next);
  return next(program, argv);
}

int execvpe(const char *program, char *const argv[], char *const environment[]) {
  int (*next)(const char *, char *const[], char *const[]) = NULL;
  note_exec("execvpe", program);
  find_next("execvpe", &next, sizeof next);
  return next(program, argv, environment);
}

int fexecve(int file, char *const argv[], char *const environment[]) {
  int (*next)(int, char *const[], char *const[]) = NULL;
  note_exec("fexecve", "a descriptor");
  find_next("fexecve", &next, sizeof next);
  return next(file, argv, environment);
}

// The words of execl, up to the NULL that ends them.
enum { EXEC_WORDS = 4096 };
static bool gather_words(const char *first, va_list words, char *argv[EXEC_WORDS]) {
  size_t count = 0;
  for (const char *word = first; word; word = va_arg(words, const char *)) {
    if (count + 1 >= EXEC_WORDS) return errno = E2BIG, false;
    memcpy(&argv[count++], &word, sizeof word); // exec writes none of them
  }
  argv[count] = NULL;
  return true;
}

int execl(const char *program, const char *first, ...) {
  char *argv[EXEC_WORDS];
  va_list words;
  va_start(words, first);
  const bool fits = gather_words(first, words, argv);
  va_end(words);
  return fits ? execv(program, argv) : -1;
}

int execlp(const char *program, const char *first, ...) {
  char *argv[EXEC_WORDS];
  va_list words;
  va_start(words, first);
  const bool fits = gather_words(first, words, argv);
  va_end(words);
  return fits ? execvp(program, argv) : -1;
}

int execle(const char *program, const char *first, ...) {
  char *argv[EXEC_WORDS];
  va_list words;
  va_start(words, first);
  const bool fits = gather_words(first, words, argv);
  char *const *environment = fits ? va_arg(words, char *const *) : NULL;
  va_end(words);
  return fits ? execve(program, argv, environment) : -1;
}

// --- MPI ---
// C programs call MPI_X, Open MPI's Fortran calls PMPI_X.

// A guest that starts MPI itself finds it running already, and so is told that all is well.
static bool runs_for_guest(void) {
  int runs = 0;
  return guest_is_at_work() && MPI_Initialized(&runs) == MPI_SUCCESS && runs;
}

static int init(const char *name, int *argc, char ***argv) {
  int (*next)(int *, char ***) = NULL;
  if (runs_for_guest()) return MPI_SUCCESS;
  find_next(name, &next, sizeof next);
  return next(argc, argv);
}

int MPI_Init(int *argc, char ***argv) { return init("MPI_Init", argc, argv); }
int PMPI_Init(int *argc, char ***argv) { return init("PMPI_Init", argc, argv); }

static int init_thread(const char *name, int *argc, char ***argv, int required, int *provided) {
  int (*next)(int *, char ***, int, int *) = NULL;
  if (runs_for_guest()) return MPI_Query_thread(provided);
  find_next(name, &next, sizeof next);
  return next(argc, argv, required, provided);
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  return init_thread("MPI_Init_thread", argc, argv, required, provided);
}
int PMPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  return init_thread("PMPI_Init_thread", argc, argv, required, provided);
}

static int finalize(const char *name) {
  int (*next)(void) = NULL;
  guest_ends("it called MPI_Finalize, but MPI is this program's");
  find_next(name, &next, sizeof next);
  return next();
}

int MPI_Finalize(void) { return finalize("MPI_Finalize"); }
int PMPI_Finalize(void) { return finalize("PMPI_Finalize"); }

static int abort_mpi(const char *name, MPI_Comm comm, int code) {
  int (*next)(MPI_Comm, int) = NULL;
  note_exit("MPI_Abort", code);
  find_next(name, &next, sizeof next);
  return next(comm, code);
}

int MPI_Abort(MPI_Comm comm, int code) { return abort_mpi("MPI_Abort", comm, code); }
int PMPI_Abort(MPI_Comm comm, int code) { return abort_mpi("PMPI_Abort", comm, code); }

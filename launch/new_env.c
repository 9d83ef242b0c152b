// corsac new-env: writes an environment to begin with. The examples, with another name, and a Makefile.
#include "launch/arguments.h"
#include "launch/command.h"
#include "launch/embedded.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NAME = 40, PATH_SIZE = 4096 };

// A language: the example it begins from (launch/examples/plugin), and how it is compiled.
struct language {
  const char *name, *example, *ending, *variables, *compile, *also;
};
static const struct language languages[] = {
    {"c", "cart_pole", "c", "CC ?= cc\nCFLAGS ?= -O2 -Wall -Wextra\n",
     "$(CC) $(CFLAGS) -shared -fPIC -I '$(CORSAC_INCLUDE)' $< -o $@ -lm", ""},
    {"c++", "two_tanks", "cpp", "CXX ?= c++\nCXXFLAGS ?= -O2 -Wall -Wextra\n",
     "$(CXX) -std=c++17 $(CXXFLAGS) -shared -fPIC -I '$(CORSAC_INCLUDE)' $< -o $@", ""},
    {"fortran", "heat_rod", "f90", "FC = gfortran\nFFLAGS ?= -O2 -Wall -Wextra\n",
     "$(FC) $(FFLAGS) -shared -fPIC '$(CORSAC_INCLUDE)/corsac/corsac_env.f90' $< -o $@", " *.mod"},
};
enum { LANGUAGES = sizeof languages / sizeof *languages };

static const struct language *find_language(const char *name, struct error *error) {
  const char *names[LANGUAGES];
  for (int i = 0; i < LANGUAGES; i++) {
    names[i] = languages[i].name;
    if (strcmp(name, names[i]) == 0) return &languages[i];
  }
  const char *nearest = arguments_nearest(name, names, LANGUAGES);
  error_set(error, STATUS_USAGE, "--lang %.40s: is no language known here%s%s%s; there are c, c++ and fortran", name,
            nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
  return NULL;
}

// A name that C, C++ and Fortran take, and a file system.
static enum status check_name(const char *name, struct error *error) {
  size_t length = 0;
  while (isalnum((unsigned char)name[length]) || name[length] == '_') length++;
  if (name[length] == '\0' && length <= MOST_NAME && isalpha((unsigned char)name[0])) return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "new-env: \"%.60s\" cannot be a name: letters, digits and _, a letter first, at most %d of them",
                   name, MOST_NAME);
}

static const char *find_example(const struct language *language) {
  for (size_t i = 0; i < plugin_count; i++)
    if (strcmp(plugin_table[i].name, language->example) == 0) return plugin_table[i].text;
  return "";
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

// The example's code has this word already, or the language does: with it as a name nothing would compile.
static enum status check_free(const char *name, const struct language *language, struct error *error) {
  static const char keywords[] =
      " alignas alignof and asm auto break bool case catch char class concept const continue default delete do double "
      "else end enum explicit export extern false float for friend goto if inline int long main module mutable "
      "namespace new not operator or private protected public register return requires short signed sizeof static "
      "struct switch template this throw true try typedef typeid typename union unsigned using virtual void volatile "
      "while xor errno stdin stdout assert corsac_env ";
  const size_t length = strlen(name);
  const char *texts[] = {keywords, strcmp(name, language->example) == 0 ? "" : find_example(language)};
  for (int i = 0; i < 2; i++)
    for (const char *c = texts[i]; *c; c++) {
      const bool begins = c == texts[i] || !is_word(c[-1]);
      if (strncmp(c, "//", 2) == 0 && c[2] == ' ') c += strcspn(c, "\n") - 1;
      if (begins && strncasecmp(c, name, length) == 0 && !is_word(c[length]))
        return error_set(error, STATUS_USAGE, "new-env: \"%s\" means something else in the code already; another name?",
                         name);
    }
  return STATUS_OK;
}

// The program itself, and the directory that holds its corsac/env.h: of the place where it is installed (PREFIX/bin,
// PREFIX/include) or of the build that it is in (build/release, build/include).
struct home {
  char program[PATH_SIZE], include[PATH_SIZE + 32];
};

static enum status find_home(struct home *home, struct error *error) {
  const ssize_t length = readlink("/proc/self/exe", home->program, sizeof home->program - 1);
  if (length <= 0) return error_set(error, STATUS_IO, "new-env: cannot find its own program: %s", strerror(errno));
  home->program[length] = '\0';
  int above = 0; // bytes up to the directory that the program's is in
  for (int i = (int)length, slashes = 0; i > 0 && slashes < 2; i--)
    if (home->program[i] == '/' && ++slashes == 2) above = i;
  char header[PATH_SIZE + 64];
  snprintf(home->include, sizeof home->include, "%.*s/include", above, home->program);
  snprintf(header, sizeof header, "%s/corsac/env.h", home->include);
  if (access(header, R_OK) == 0) return STATUS_OK;
  return error_set(error, STATUS_IO,
                   "new-env: %.600s is not there: %s; `make install` or `make` puts it beside the program", header,
                   strerror(errno));
}

// Writes the example with the new name in place of its own, and where the header really is.
static void write_source(FILE *file, const struct language *language, const char *name, const struct home *home) {
  const struct { const char *from, *to; } words[] = {{language->example, name}, {"build/include", home->include}};
  for (const char *c = find_example(language); *c;) {
    int word = 0;
    while (word < 2 && strncmp(c, words[word].from, strlen(words[word].from)) != 0) word++;
    if (word == 2) {
      putc(*c++, file);
      continue;
    }
    fputs(words[word].to, file);
    c += strlen(words[word].from);
  }
}

// As a Makefile means it.
static void write_path(FILE *file, const char *variable, const char *path) {
  fprintf(file, "%s ?= ", variable);
  for (; *path; path++) {
    if (*path == '#') putc('\\', file);
    if (*path == '$') putc('$', file);
    putc(*path, file);
  }
  putc('\n', file);
}

static void write_makefile(FILE *file, const struct language *language, const char *name, const struct home *home) {
  fputs("# make, make check, make train. With another corsac: make CORSAC=... CORSAC_INCLUDE=...\n", file);
  write_path(file, "CORSAC", home->program);
  write_path(file, "CORSAC_INCLUDE", home->include);
  fprintf(file,
          "%s\n"
          "%s.so: %s.%s\n\t%s\n\n"
          ".PHONY: check train clean\n"
          "check: %s.so\n\t'$(CORSAC)' check-env ./%s.so\n"
          "train: %s.so\n\t'$(CORSAC)' train --env ./%s.so $(OPTIONS)\n"
          "clean:\n\trm -f %s.so%s\n",
          language->variables, name, name, language->ending, language->compile, name, name, name, name, name,
          language->also);
}

static void write_readme(FILE *file, const struct language *language, const char *name) {
  fprintf(file,
          "# %s\n\n"
          "An environment for corsac, %s.%s: still the example it was made from, to be changed into yours.\n\n"
          "    make          compiles %s.so\n"
          "    make check    runs it through every rule of the environment ABI\n"
          "    make train    trains a policy; runs/ gets what it makes\n"
          "    mpirun --bind-to none --oversubscribe -n 9 corsac train --env ./%s.so    the same on 9 ranks\n",
          name, name, language->ending, name, name);
}

enum part { SOURCE, MAKEFILE, README, PARTS };

static enum status write_part(enum part part, const struct language *language, const char *name,
                              const struct home *home, struct error *error) {
  char path[128];
  if (part == SOURCE)
    snprintf(path, sizeof path, "%s/%s.%s", name, name, language->ending);
  else
    snprintf(path, sizeof path, "%s/%s", name, part == MAKEFILE ? "Makefile" : "README.md");
  FILE *file = fopen(path, "wx");
  if (!file) return error_set(error, STATUS_IO, "new-env: %s: %s", path, strerror(errno));
  if (part == SOURCE) write_source(file, language, name, home);
  if (part == MAKEFILE) write_makefile(file, language, name, home);
  if (part == README) write_readme(file, language, name);
  const bool failed = ferror(file);
  if (fclose(file) != 0 || failed) return error_set(error, STATUS_IO, "new-env: %s: %s", path, strerror(errno));
  printf("%s\n", path);
  return STATUS_OK;
}

static enum status make_env(const char *name, const char *language_name, struct error *error) {
  if (!name)
    return error_set(error, STATUS_USAGE,
                     "new-env: say what it is to be called: corsac new-env NAME [--lang c|c++|fortran]");
  const struct language *language = find_language(language_name, error);
  if (!language) return error->status;
  struct home home;
  enum status status = check_name(name, error);
  if (status == STATUS_OK) status = check_free(name, language, error);
  if (status == STATUS_OK) status = find_home(&home, error);
  if (status != STATUS_OK) return status;
  if (mkdir(name, 0777) != 0)
    return error_set(error, STATUS_USAGE, "new-env: cannot make the directory %s: %s%s", name, strerror(errno),
                     errno == EEXIST ? "; nothing was changed" : "");
  for (int part = 0; part < PARTS && status == STATUS_OK; part++)
    status = write_part((enum part)part, language, name, &home, error);
  return status;
}

int command_new_env(int argc, char **argv) {
  struct error error = {0};
  const char *name = NULL, *language = "c";
  const struct argument known[] = {{"lang", NULL, &language}};
  enum status status = arguments_parse(argc, argv, "new-env", known, sizeof known / sizeof *known, &name, &error);
  if (status == STATUS_OK) status = make_env(name, language, &error);
  if (status != STATUS_OK) return command_fail(&error);
  printf("\nNow:\n"
         "  cd %s\n"
         "  make          # compiles it\n"
         "  make check    # corsac check-env ./%s.so\n"
         "  make train    # corsac train --env ./%s.so; make train OPTIONS='--env-steps 1e5 --seed 2'\n",
         name, name, name);
  return EXIT_DONE;
}

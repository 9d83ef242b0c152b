// corsac new-env: writes an environment to begin with: an example with another name, a Makefile, a README.
#include "common/env/env.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/cli/embedded.h"
#include "launch/environments/new_task.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NAME = 40, ENV_TEXT = 128, PATH_SIZE = 4096 };

// A language: its example in launch/examples, how it is compiled (NULL: it runs as it is, as a program with its own
// main loop), and what `make clean` removes as well.
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
    {"python", "oscillator", "py", "PYTHON ?= python3\n", NULL, " -r __pycache__"},
};
enum { LANGUAGES = sizeof languages / sizeof *languages };
// The same of several agents.
static const struct language languages_of_agents[] = {
    {"c", "heated_plate", "c", "CC ?= cc\nCFLAGS ?= -O2 -Wall -Wextra\n",
     "$(CC) $(CFLAGS) -shared -fPIC -I '$(CORSAC_INCLUDE)' $< -o $@", ""},
    {"fortran", "hot_plate", "f90", "FC = gfortran\nFFLAGS ?= -O2 -Wall -Wextra\n",
     "$(FC) $(FFLAGS) -shared -fPIC '$(CORSAC_INCLUDE)/corsac/corsac_env.f90' $< -o $@", " *.mod"},
};
#define AGENTS_OF_EXAMPLE "CELLS = 16"

// The example in a language, where it has several agents; NULL: there is none.
static const struct language *find_language_of_agents(const char *name) {
  for (size_t i = 0; i < sizeof languages_of_agents / sizeof *languages_of_agents; i++)
    if (strcmp(name, languages_of_agents[i].name) == 0) return &languages_of_agents[i];
  return NULL;
}

static const struct language *find_language(const char *name, struct error *error) {
  const char *names[LANGUAGES];
  for (int i = 0; i < LANGUAGES; i++) {
    names[i] = languages[i].name;
    if (strcmp(name, names[i]) == 0) return &languages[i];
  }
  const char *suggestion = arguments_suggest(name, names, LANGUAGES);
  error_set(error, STATUS_USAGE, "--lang %.40s: is no known language%s%s%s; there are c, c++, fortran, python and fmu",
            name, suggestion ? " (did you mean " : "", suggestion ? suggestion : "", suggestion ? "?)" : "");
  return NULL;
}

// A name that C, C++, Fortran and a file system accept.
static enum status check_name(const char *name, struct error *error) {
  size_t length = 0;
  while (isalnum((unsigned char)name[length]) || name[length] == '_') length++;
  if (name[length] == '\0' && length <= MOST_NAME && isalpha((unsigned char)name[0])) return STATUS_OK;
  const size_t all = strlen(name);
  const bool fmu = all > 4 && strcmp(name + all - 4, ".fmu") == 0;
  return error_set(
      error, STATUS_USAGE,
      "new-env: \"%.60s\" is no valid name: use letters, digits and _, a letter first, at most %d characters%s", name,
      MOST_NAME, fmu ? "; an FMU goes with --lang fmu" : "");
}

static const char *find_example(const struct language *language) {
  for (size_t i = 0; i < examples_count; i++)
    if (strcmp(examples_table[i].name, language->example) == 0) return examples_table[i].text;
  return "";
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

// Refuses a name that the language or the example's code uses already: with it nothing would compile.
static enum status check_free(const char *name, const struct language *language, struct error *error) {
  static const char keywords[] =
      " alignas alignof and asm auto break bool case catch char class concept const continue default delete do double "
      "else end enum explicit export extern false float for friend goto if inline int long main module mutable "
      "namespace new not operator or private protected public register return requires short signed sizeof static "
      "struct switch template this throw true try typedef typeid typename union unsigned using virtual void volatile "
      "while xor errno stdin stdout assert corsac_env ";
  const size_t length = strlen(name);
  // A Python file of such a name would be imported in place of Python's own module.
  static const char modules[] =
      " abc array ast bisect codecs collections copy corsac_sim ctypes dis enum errno functools "
      "io inspect json keyword linecache math mmap numbers numpy operator os random re select "
      "signal site socket stat string struct sys time token tokenize traceback types typing "
      "warnings weakref ";
  const char *own = strcmp(name, language->example) == 0 ? "" : find_example(language);
  const char *texts[] = {keywords, language->compile ? own : modules};
  for (int i = 0; i < 2; i++)
    for (const char *c = texts[i]; *c; c++) {
      const bool begins = c == texts[i] || !is_word(c[-1]);
      if (strncmp(c, "//", 2) == 0 && c[2] == ' ') c += strcspn(c, "\n") - 1;
      if (begins && strncasecmp(c, name, length) == 0 && !is_word(c[length]))
        return error_set(error, STATUS_USAGE, "new-env: \"%s\" is used in the code already: choose another name", name);
    }
  return STATUS_OK;
}

// The program itself, and the directories of its corsac/env.h and corsac_sim.py: where it is installed (PREFIX/bin,
// PREFIX/include, PREFIX/share), or in the build (build/release, build/include, build/share).
struct home {
  char program[PATH_SIZE], include[PATH_SIZE + 32], python[PATH_SIZE + 32];
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
  snprintf(home->python, sizeof home->python, "%.*s/share/corsac/python", above, home->program);
  snprintf(header, sizeof header, "%s/corsac/env.h", home->include);
  if (access(header, R_OK) == 0) return STATUS_OK;
  return error_set(error, STATUS_IO,
                   "new-env: %.600s is not there: %s; `make install` or `make` puts it beside the program", header,
                   strerror(errno));
}

// Writes the example with the new name in place of its own, and with the headers' real directory.
// agents: their number, where the example has several.
static void write_source(FILE *file, const struct language *language, const char *name, uint32_t agents,
                         const struct home *home) {
  char cells[32];
  snprintf(cells, sizeof cells, "CELLS = %u", agents);
  const char *words[][2] = {{language->example, name},
                            {"build/include", home->include},
                            {"build/share/corsac/python", home->python},
                            {AGENTS_OF_EXAMPLE, cells}};
  const int count = sizeof words / sizeof *words;
  for (const char *c = find_example(language); *c;) {
    int word = 0;
    while (word < count && strncmp(c, words[word][0], strlen(words[word][0])) != 0) word++;
    // A program's text also says what it simulates. Only its name, in a file's or a string, is replaced.
    if (word == 0 && !language->compile && !strchr(".\"", c[strlen(language->example)])) word = count;
    if (word == count) {
      putc(*c++, file);
      continue;
    }
    fputs(words[word][1], file);
    c += strlen(words[word][0]);
  }
}

// Writes "VARIABLE ?= path" with the escapes of a Makefile.
static void write_path(FILE *file, const char *variable, const char *path) {
  fprintf(file, "%s ?= ", variable);
  for (; *path; path++) {
    if (*path == '#') putc('\\', file);
    if (*path == '$') putc('$', file);
    putc(*path, file);
  }
  putc('\n', file);
}

// The text that --env takes in the new directory.
static void env_text(char *text, size_t size, const struct language *language, const char *name) {
  snprintf(text, size, language->compile ? "./%s.so" : "exec:python3 ./%s.py", name);
}

static void write_makefile(FILE *file, const struct language *language, const char *name, const struct home *home) {
  char env[ENV_TEXT];
  env_text(env, sizeof env, language, name);
  fprintf(file, "# make check, make train. With another corsac: make CORSAC=... %s=...\n",
          language->compile ? "CORSAC_INCLUDE" : "CORSAC_PYTHON");
  write_path(file, "CORSAC", home->program);
  if (language->compile)
    write_path(file, "CORSAC_INCLUDE", home->include);
  else
    write_path(file, "CORSAC_PYTHON", home->python);
  fputs(language->variables, file);
  if (language->compile)
    fprintf(file, "\n%s.so: %s.%s\n\t%s\n\n", name, name, language->ending, language->compile);
  else
    fprintf(file,
            "export PYTHONPATH := $(CORSAC_PYTHON):$(PYTHONPATH)\n\nalone:\n\t$(PYTHON) ./%s.py\n.PHONY: alone\n\n",
            name);
  fputs(".PHONY: check train clean\n", file);
  const char *needs = language->compile ? name : "", *ending = language->compile ? ".so" : "";
  const char *python = strstr(env, "python3"); // the Makefile's may be another
  for (int train = 0; train < 2; train++) {
    fprintf(file, "%s:%s%s%s\n\t'$(CORSAC)' %s '", train ? "train" : "check", *needs ? " " : "", needs, ending,
            train ? "train --env" : "check-env");
    if (python)
      fprintf(file, "exec:$(PYTHON)%s", python + strlen("python3"));
    else
      fputs(env, file);
    fputs(train ? "' $(OPTIONS)\n" : "'\n", file);
  }
  fprintf(file, "clean:\n\trm -f%s%s%s%s\n", language->also, *needs ? " " : "", needs, ending);
}

static void write_readme(FILE *file, const struct language *language, const char *name) {
  fprintf(file,
          "# %s\n\n"
          "An environment for corsac: %s.%s, as yet the example that it was made from. Change it into yours.\n\n"
          "    make          %s\n"
          "    make check    runs it through every rule of the environment ABI\n"
          "    make train    trains a policy, in runs/. OPTIONS='--env-steps 1e5 --seed 2'\n\n"
          "How to go on, on many ranks and on a cluster: `corsac help start` and `corsac help cluster`.\n",
          name, name, language->ending,
          language->compile ? "compiles it" : "runs it alone, with random actions in place of a policy's");
}

enum part { SOURCE, MAKEFILE, README, PARTS };

static enum status write_part(enum part part, const struct language *language, const char *name, uint32_t agents,
                              const struct home *home, struct error *error) {
  char path[128];
  if (part == SOURCE)
    snprintf(path, sizeof path, "%s/%s.%s", name, name, language->ending);
  else
    snprintf(path, sizeof path, "%s/%s", name, part == MAKEFILE ? "Makefile" : "README.md");
  FILE *file = fopen(path, "wx");
  if (!file) return error_set(error, STATUS_IO, "new-env: %s: %s", path, strerror(errno));
  if (part == SOURCE) write_source(file, language, name, agents, home);
  if (part == MAKEFILE) write_makefile(file, language, name, home);
  if (part == README) write_readme(file, language, name);
  const bool failed = ferror(file);
  if (fclose(file) != 0 || failed) return error_set(error, STATUS_IO, "new-env: %s: %s", path, strerror(errno));
  printf("%s\n", path);
  return STATUS_OK;
}

static void print_next(const struct language *language, const char *name) {
  char env[ENV_TEXT];
  env_text(env, sizeof env, language, name);
  printf("\nNow:\n"
         "  cd %s\n"
         "  make          # %s\n"
         "  make check    # corsac check-env '%s'\n"
         "  make train    # corsac train --env '%s'; make train OPTIONS='--env-steps 1e5 --seed 2'\n",
         name, language->compile ? "compiles it" : "runs it alone, with random actions", env, env);
}

// agents: as --agents has it, or NULL.
static enum status read_agents(const char *agents, const char *language, uint32_t *number, struct error *error) {
  if (arguments_integer("agents", agents, 1, CORSAC_MAX_AGENTS, number, error) != STATUS_OK) return error->status;
  if (*number == 1 || find_language_of_agents(language)) return STATUS_OK;
  if (strcmp(language, "fmu") == 0 || find_language(language, error))
    return error_set(error, STATUS_USAGE,
                     "--agents: there are examples of several agents in c and fortran, none in %.40s", language);
  return error->status;
}

static enum status make_env(const char *name, const char *language_name, uint32_t agents, struct error *error) {
  if (!name)
    return error_set(error, STATUS_USAGE,
                     "new-env: give it a name: corsac new-env NAME [--lang c|c++|fortran|python], or "
                     "corsac new-env MODEL.fmu --lang fmu");
  if (strcmp(language_name, "fmu") == 0) return new_task_write(name, error);
  const struct language *language =
      agents > 1 ? find_language_of_agents(language_name) : find_language(language_name, error);
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
    status = write_part((enum part)part, language, name, agents, &home, error);
  if (status == STATUS_OK) print_next(language, name);
  return status;
}

int command_new_env(int argc, char **argv) {
  struct error error = {0};
  const char *name = NULL, *language = "c", *agents = NULL;
  uint32_t number = 1;
  const struct argument known[] = {{"lang", NULL, &language}, {"agents", NULL, &agents}};
  enum status status = arguments_parse(argc, argv, "new-env", known, sizeof known / sizeof *known, &name, &error);
  if (status == STATUS_OK) status = read_agents(agents, language, &number, &error);
  if (status == STATUS_OK) status = make_env(name, language, number, &error);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}

// The cases of a job: texts that one training draws its environments' tasks from, such as a Reynolds number, a mesh or
// a plant each. config->cases holds them as lines, each with its newline:
//
//   short length=0.5
//   long length=2 mass=1.5
//
// The text before the first space is the case's name. Which case an environment plays is a function of seed,
// environment and episode, so it is the same on any number of ranks and after a resume.
#ifndef CORSAC_COMMON_CONFIG_CASES_H
#define CORSAC_COMMON_CONFIG_CASES_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stddef.h>
#include <string.h>

enum {
  CASES_LINE = 1024,   // bytes of a case with its 0
  CASES_NAME = 32,     // of its name
  CASES_FILE = 1 << 18 // of a file, with what is left out
};

// Whether config has cases, or names a file of them.
static inline bool cases_are_given(const struct config *config) { return config->cases[0] != '\0'; }

// Whether each episode draws its case; else each environment has one.
static inline bool cases_per_episode(const struct config *config) {
  return cases_are_given(config) && strcmp(config->cases_per, "episode") == 0;
}

// Reads the text of a cases file: blanks around a line, empty lines and lines that begin with # are left out, a tab
// counts as a space. name: what messages begin with. STATUS_USAGE with the line: a zero byte, invalid UTF-8, a line or
// a name that is too long, a name with a comma or a quote, a name that is there twice, more than CONFIG_MAX_CASES, no
// case at all.
enum status cases_parse(const char *text, size_t size, const char *name, char cases[CONFIG_CASES], struct error *error);

// Where config->cases is the path of a file, as --cases gives it, this reads the file, and the lines take the path's
// place. STATUS_USAGE, also where it cannot be read.
enum status cases_load(struct config *config, struct error *error);

// How many cases there are; 0: none are given.
uint32_t cases_count(const struct config *config);

// Copies case `index`, which has to be below cases_count.
void cases_line(const struct config *config, uint32_t index, char line[CASES_LINE]);
void cases_name(const struct config *config, uint32_t index, char name[CASES_NAME]);

// The case that an episode of an environment plays. An evaluation goes over the cases in turn. There has to be one.
//   training, per environment:   environment mod n
//   training, per episode:       uniform on 0 .. n - 1, of (seed, environment, episode)
//   evaluation:                  episode mod n
uint32_t cases_find(const struct config *config, bool evaluation, uint64_t environment, uint64_t episode);

// Joins the arguments that --env has and those of a case by a space, as an environment's create gets them where the
// case is its own. args: at most CASES_LINE with its 0.
enum { CASES_ARGS = 2 * CASES_LINE };
void cases_join(const char *args, const char *line, char joined[CASES_ARGS]);

#endif

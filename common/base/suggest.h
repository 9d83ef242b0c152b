// "Did you mean ...?": finds the known name that is nearest to a mistyped word.
#ifndef CORSAC_COMMON_BASE_SUGGEST_H
#define CORSAC_COMMON_BASE_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { SUGGEST_WORD = 64 }; // longer words are not compared

// The number of insertions, deletions, substitutions and swaps of neighbours that lead from a to b (optimal string
// alignment). Case is ignored, and '-' equals '_'. SUGGEST_WORD where a word is too long.
size_t suggest_distance(const char *a, const char *b);

// Whether b begins with a, or a with b, and the shorter one has `least` letters: "evaluate" and eval, "pendulum" and
// Pendulum-v1.
bool suggest_begins(const char *a, const char *b, size_t least);

// Start with the word alone.
struct suggestion {
  const char *word, *name; // name: the nearest of the names tried so far, NULL: none is near
  size_t distance;
};

// Tries one known name. It is near if it begins alike in `least` letters (0: this does not count), or by its distance:
// at most 1, plus 1 for each four letters of the word, and at most 3.
void suggest_try(struct suggestion *suggestion, const char *name, size_t least);

#endif

// "Did you mean ...?": which of some known names a mistyped word is nearest to.
#ifndef CORSAC_COMMON_BASE_SUGGEST_H
#define CORSAC_COMMON_BASE_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { SUGGEST_WORD = 64 }; // longer words are nobody's slip

// Insertions, deletions, substitutions and swaps of neighbours that lead from a to b (optimal string alignment), case
// apart, '-' and '_' being the same. SUGGEST_WORD where a word is too long.
size_t suggest_distance(const char *a, const char *b);
// Whether b begins with a, or a with b, in at least `least` letters: "evaluate" and eval, "pendulum" and Pendulum-v1.
bool suggest_begins(const char *a, const char *b, size_t least);

// Takes one known name after another; `name` is the nearest of them so far, NULL: none is near.
struct suggestion {
  const char *word, *name;
  size_t distance;
};
// Near is: begins alike in `least` letters (0: does not count), or a slip in four letters and not more than three.
void suggest_try(struct suggestion *suggestion, const char *name, size_t least);

#endif

// Long numbers for people: 1234567 as "1,234,567".
#ifndef CORSAC_COMMON_BASE_DIGITS_H
#define CORSAC_COMMON_BASE_DIGITS_H

#include <stddef.h>

// Copies `digits` (with a leading '-', or not) into text (size bytes) with a comma before every third digit from the
// end. What does not fit is left out.
void digits_group(const char *digits, char *text, size_t size);
#endif

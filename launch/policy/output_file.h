// The file that an option of `corsac eval` names: --trace FILE.csv|.h5, --record FILE.mp4|.gif.
#ifndef CORSAC_LAUNCH_POLICY_OUTPUT_FILE_H
#define CORSAC_LAUNCH_POLICY_OUTPUT_FILE_H

#include "common/base/status.h"
#include <stdbool.h>

// Whether the name ends in `end` and is longer.
bool output_file_is(const char *path, const char *end);

// The name ends in one of two ends, which says the format (else STATUS_USAGE), and its directory can be written (else
// STATUS_IO). option: "--trace".
enum status output_file_check(const char *option, const char *path, const char *const ends[2], struct error *error);
#endif

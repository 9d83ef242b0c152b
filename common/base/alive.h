// Which processes of this machine are alive.
#ifndef CORSAC_COMMON_BASE_ALIVE_H
#define CORSAC_COMMON_BASE_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

// Equal for two processes exactly where the process numbers of one mean the same to the other: of the running kernel
// and the namespace of process numbers. 0: unknown.
uint64_t process_realm(void);
// No such process is there any more, or only what its parent has not yet fetched. False where that is not known.
bool process_is_gone(uint32_t pid);
#endif

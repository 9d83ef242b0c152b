// Which processes of this machine are alive.
#ifndef CORSAC_COMMON_BASE_PROCESS_H
#define CORSAC_COMMON_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

// Equal for two processes exactly where the process numbers of one mean the same to the other: of the running kernel
// and the namespace of process numbers. 0: unknown.
uint64_t process_pid_namespace(void);
// Of the running kernel, as text; "" where it is unknown. Another boot has another.
enum { BOOT_TEXT = 64 };
void process_boot(char text[BOOT_TEXT]);
uint64_t process_namespace(void); // that process numbers are of; containers may share a host's name. 0: unknown
// When a process began, in ticks of the running kernel: with its number it names one process for good. 0: unknown.
uint64_t process_start(uint32_t pid);
// No such process is there any more, or only what its parent has not yet fetched. False where that is not known.
bool process_is_gone(uint32_t pid);
#endif

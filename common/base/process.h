// Identifies processes of this machine, and tells which of them have ended.
#ifndef CORSAC_COMMON_BASE_PROCESS_H
#define CORSAC_COMMON_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

// A hash of the running kernel and of the namespace of process numbers (pid namespace). Two processes with the same
// hash see the same process numbers. 0: unknown.
uint64_t process_pid_namespace(void);

// The identifier of this boot of the kernel, as text; "": unknown.
enum { BOOT_TEXT = 64 };
void process_boot(char text[BOOT_TEXT]);

// The kernel's number of the pid namespace. It tells apart containers that share a host's name. 0: unknown.
uint64_t process_namespace(void);

// When a process started, in ticks of the running kernel. Together with the process number it identifies one process
// for good. 0: unknown.
uint64_t process_start(uint32_t pid);

// Whether the process has ended, also if its parent has not waited for it yet. False where that is unknown.
bool process_has_ended(uint32_t pid);
#endif

// Directories in memory for simulated disks.
#ifndef CORSAC_TESTS_SIMULATION_PLACE_H
#define CORSAC_TESTS_SIMULATION_PLACE_H

enum { PLACE_PATH = 64 };

// Makes a new directory and writes its absolute path; ends the program where that fails.
void place_make(char path[PLACE_PATH]);

// Removes all that is in it.
void place_clear(const char *path);

// Removes it as well.
void place_remove(const char *path);

#endif

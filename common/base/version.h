// The program's version. Every rank of a job must have the same one.
#ifndef CORSAC_COMMON_BASE_VERSION_H
#define CORSAC_COMMON_BASE_VERSION_H

#ifndef CORSAC_VERSION
#define CORSAC_VERSION "0.1.0"
#endif

#endif

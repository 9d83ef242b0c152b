#!/bin/sh
# Every header compiles alone; what environments include also as C++, which they may be written in. COMPILE: the compiler with its flags.
set -u
passed=0 failed=0
verdict() { # STATUS WHAT
  if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "does not compile alone: $2"; fi
}
: "${COMPILE:=gcc -std=c11 -D_GNU_SOURCE -I.}"
for header in $(find learner actor common launch tests/support -name '*.h' | sort); do
  # Through an including file: a header given itself is warned about. An empty file is no C, hence the declaration.
  printf '#include "%s"\nextern int alone;\n' "$header" | $COMPILE -Werror -fsyntax-only -x c -
  verdict $? "$header"
done
if command -v g++ >/dev/null; then
  for header in common/env/env.h common/sim/sim.h common/sim/sim.hpp launch/library/policy.h; do
    printf '#include "%s"\n#include "common/env/env.h"\n' "$header" | g++ -std=c++11 -I. -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ -
    verdict $? "$header as C++"
  done
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]

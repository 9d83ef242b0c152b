#!/bin/sh
# Every header compiles alone; env.h also as C++, since plugins may be written in it. COMPILE: the compiler with its flags.
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
  echo '#include "common/env/env.h"' | g++ -std=c++11 -I. -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ -
  verdict $? 'common/env/env.h as C++'
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/sh
# The sources are as clang-format 14 leaves them; --fix rewrites them. Other versions break lines elsewhere, so they only warn.
set -u
clang_format=$(command -v clang-format-14 || command -v clang-format) || {
  echo "clang-format is missing: 'make deps' installs it" >&2
  exit 1
}
sources=$(find learner actor common launch tests \( -name '*.c' -o -name '*.h' \) -not -path 'tests/data/*' | sort)
[ "${1:-}" = --fix ] && exec "$clang_format" -i $sources
wrong=$("$clang_format" --dry-run -Werror $sources 2>&1 | sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error: .*/\1/p' | sort -u)
if [ -z "$wrong" ]; then
  echo "1 passed, 0 failed"
elif "$clang_format" --version | grep -q 'version 14\.'; then
  echo "not formatted ('make format' puts it right):"
  echo "$wrong"
  echo "0 passed, 1 failed"
  exit 1
else
  echo "not counted, as this is not version 14: $("$clang_format" --version)"
  echo "1 passed, 0 failed"
fi

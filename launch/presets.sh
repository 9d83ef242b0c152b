#!/bin/sh
# Writes the C source that embeds the preset files: presets.sh FILE.yaml... > presets.c
# An entry without a name closes the table, so that it is valid C without any preset too.
set -eu
echo '#include "launch/presets.h"'
echo
echo 'const struct preset presets_table[] = {'
for file in "$@"; do
  printf '    {"%s",\n' "$(basename "$file" .yaml)"
  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
  echo '     ""},'
done
echo '    {0, 0},'
echo '};'
echo "const size_t presets_count = $#;"

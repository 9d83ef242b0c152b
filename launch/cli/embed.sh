#!/bin/sh
# Writes the C source that embeds text files: embed.sh TABLE FILE... > TABLE.c
# An entry's name is its file's, without folder and ending. One without a name closes the table, so that it is valid C
# without any file too. ?? would begin a trigraph.
set -eu
table=$1
shift
echo '#include "launch/cli/embedded.h"'
echo
echo "const struct embedded ${table}_table[] = {"
for file in "$@"; do
  name=${file##*/}
  printf '    {"%s",\n' "${name%.*}"
  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/??/?\\?/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
  echo '     ""},'
done
echo '    {0, 0},'
echo '};'
echo "const size_t ${table}_count = $#;"

#!/bin/sh
# Who may include whom: the table in CONTRIBUTING.md, which this reads (--table prints it). What the table does not allow is
# refused, and so is a cycle of folders or of modules (x.c, x.h and x_impl.h are one module). Run at the root.
# First it proves on made-up trees that it finds each kind of violation.
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The lines between ``` below the heading.
table() { awk '/^## / { here = /^## Who may include whom/ } here && /^```/ { inside = !inside; next } here && inside' "${1:-CONTRIBUTING.md}"; }

# includes DIRECTORY: "file target" of each include of a file in there; target is <name> or a path.
includes() {
  (cd "$1" && find learner actor common launch tests \( -name '*.c' -o -name '*.h' -o -name '*.inc' \) -exec \
    grep -EHo '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]*[">]' {} + 2>/dev/null) |
    sed -E 's/^([^:]*):.*include[[:space:]]*"([^"]*)"$/\1 \2/; s/^([^:]*):.*include[[:space:]]*(<[^>]*>)$/\1 \2/' | grep -v '\.pb-c\.h$'
}

# forbidden DIRECTORY TABLE: a line for each include that no line of the table allows. A name in the table allows all below it; one
# with * is a pattern. tests may include everything; a system header that the table does not name is everybody's.
forbidden() {
  includes "$1" | awk -v table="$2" '
  function within(path, name) { return index(name, "*") ? path ~ pattern(name) : index(path "/", name "/") == 1 }
  function pattern(name) { gsub(/[.]/, "[.]", name); gsub(/[*]/, "[^/]*", name); return "^" name "$" }
  function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
  BEGIN {
    while ((getline line < table) > 0) {
      n = split(line, word, /[: ]+/)
      listed[word[1]] = 1
      for (i = 2; i <= n; i++) if (word[i] != "") may[word[1], ++count[word[1]]] = word[i]
    }
  }
  {
    file = $1; target = $2; ok = 0
    if (target ~ /^</) {
      row = target
      ok = !(row in listed) && target !~ /^<(learner|actor|common|launch|tests)\// || file ~ /^tests\//
    } else {
      row = folder(file)
      while (!(row in listed) && row ~ /\/.*\//) row = folder(row)
      ok = file ~ /^tests\// && target ~ /^(learner|actor|common|launch|tests)\// || (folder(target) == folder(file) || folder(target) == row) && target ~ /\//
    }
    for (i = 1; !ok && i <= count[row]; i++) ok = within(target ~ /^</ ? file : target, may[row, i])
    if (!ok) print file ": may not include " target
  }'
}

# cycles DIRECTORY: what tsort says of the folders, then of the modules; nothing where there is no cycle.
cycles() {
  includes "$1" | awk '$1 !~ /^tests\// && $2 !~ /^</' >"$tmp/pairs"
  awk '{ sub(/\/[^\/]*$/, "", $1); sub(/\/[^\/]*$/, "", $2); if ($1 != $2) print $1, $2 }' "$tmp/pairs" | sort -u | tsort 2>&1 >/dev/null
  awk '{ for (i = 1; i <= 2; i++) { sub(/\.[a-z]+$/, "", $i); sub(/_impl$/, "", $i) } if ($1 != $2) print $1, $2 }' "$tmp/pairs" | sort -u | tsort 2>&1 >/dev/null
}

# strangers: reads names at the top of the repository, prints those that do not belong there
strangers() {
  grep -Evx 'learner|actor|common|launch|tests|Makefile|README\.md|LICENSE|CONTRIBUTING\.md|\.ci|\.gitignore|\.gitattributes|\.editorconfig|\.clang-format|\.clang-tidy|\.mailmap'
}

[ "${1:-}" = --table ] && { table && exit; }
table >"$tmp/table"

passed=0 failed=0
verdict() { # WHAT OUTPUT: passes when there is no output
  if [ -z "$2" ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && printf '%s:\n%s\n' "$1" "$2"; fi
}

# tree FILE INCLUDE...: a made-up tree of files with one include each
tree() {
  rm -rf "$tmp/tree"
  while [ $# -gt 0 ]; do
    mkdir -p "$tmp/tree/${1%/*}"
    printf '  # include %s\n' "$2" >>"$tmp/tree/$1"
    shift 2
  done
}

verdict 'CONTRIBUTING.md has no table under "Who may include whom"' "$([ -s "$tmp/table" ] || echo it is empty)"
missed=
for pair in 'learner/x.c "actor/y.h"' 'actor/x.c "learner/y.h"' 'common/nn/x.h "common/wire/y.h"' 'common/base/x.c "common/nn/y.h"' \
  'common/config/x.c "common/env/y.h"' 'common/wire/x.c "launch/y.h"' 'learner/x.c "launch/y.h"' 'learner/x.c <mpi.h>' 'actor/x.c <cblas.h>' \
  'common/wire/codec.c <mpi.h>' 'learner/sac/sac.c <hdf5.h>' 'learner/x.c "sac.h"' 'actor/x.c <learner/sac/sac.h>' 'launch/x.c "tests/support/unit.h"' \
  'learner/storage/x.c "learner/job/job.h"' 'learner/sac/x.h "learner/job/replay.h"' 'actor/envs/x.c "actor/actor.h"' 'launch/new/x.c "common/base/log.h"'; do
  tree "${pair%% *}" "${pair#* }"
  [ -n "$(forbidden "$tmp/tree" "$tmp/table")" ] || missed="$missed
  $pair"
done
tree actor/a.c '"actor/envs/b.h"' actor/envs/b.c '"actor/c.h"'
[ -n "$(cycles "$tmp/tree")" ] || missed="$missed
  a cycle of folders"
tree actor/a.c '"actor/b.h"' actor/b.h '"actor/c.h"' actor/c_impl.h '"actor/a.h"'
[ -n "$(cycles "$tmp/tree")" ] || missed="$missed
  a cycle of modules"
[ -n "$(echo notes.txt | strangers)" ] || missed="$missed
  a stranger at the top"
verdict 'check_layers.sh does not find' "$missed"

tree common/wire/transport_mpi.c '<mpi.h>' common/wire/transport_mpi.c '<stdio.h>' common/wire/transport_mpi.c '"common/nn/policy.h"' \
  launch/train/train.c '<mpi.h>' launch/train/train.c '"learner/learner.h"' launch/train/train.c '"actor/actor.h"' actor/a.c '"actor/a_impl.h"' \
  actor/a_impl.h '"actor/a.h"'
verdict 'check_layers.sh rejects what is allowed' "$(forbidden "$tmp/tree" "$tmp/table" && cycles "$tmp/tree")"

verdict 'against the table in CONTRIBUTING.md' "$(forbidden . "$tmp/table")"
verdict 'a cycle' "$(cycles .)"
# Outside of a clone there is no list of what belongs to the repository.
tracked=$(git ls-files 2>/dev/null | sed 's,/.*,,' | sort -u)
verdict 'does not belong at the top of the repository' "$(test -z "$tracked" || echo "$tracked" | strangers)"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

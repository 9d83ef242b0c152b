#!/bin/sh
# Who may include whom (the arrows of CONTRIBUTING.md's architecture), and what lies at the top of the repository.
# Run at the root. First it proves on a made-up tree that it finds each kind of violation.
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# violations DIRECTORY: one line "file: includes what" for each include that is not allowed
violations() {
  (cd "$1" && find learner actor common launch tests \( -name '*.c' -o -name '*.h' \) -exec \
    grep -EHo '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]*' {} + 2>/dev/null) | awk '
  function may(pattern) { return target ~ "^(" pattern ")/" }
  {
    file = substr($0, 1, index($0, ":") - 1)
    target = $0; sub(/.*include[[:space:]]*/, "", target)
    quoted = target ~ /^"/; target = substr(target, 2)
    if (target == "mpi.h") ok = file ~ /^(common\/wire\/transport_mpi|launch\/|tests\/)/
    else if (target == "cblas.h") ok = file ~ /^(common\/nn\/linalg|launch\/bench\/|tests\/)/
    else if (target == "hdf5.h") ok = file ~ /^(learner\/(storage|checkpoint)\/|launch\/bench\/|tests\/)/
    else if (!quoted) ok = target !~ /^(learner|actor|common|launch|tests)\//
    else if (file ~ /^tests\//) ok = may("learner|actor|common|launch|tests")
    else if (file ~ /^launch\//) ok = may("launch|learner|actor|common")
    else if (file ~ /^learner\//) ok = may("learner|common")
    else if (file ~ /^actor\//) ok = may("actor|common")
    else if (file ~ /^common\/base\//) ok = may("common/base")
    else if (file ~ /^common\/config\//) ok = may("common/config|common/base")
    else if (file ~ /^common\/env\//) ok = may("common/env|common/base")
    else if (file ~ /^common\/sim\//) ok = may("common/sim|common/env|common/base")
    else if (file ~ /^common\/nn\//) ok = may("common/nn|common/config|common/base")
    else if (file ~ /^common\/wire\//) ok = may("common")
    else ok = 0
    if (!ok) print file ": may not include " target
  }'
}

# strangers: reads names at the top of the repository, prints those that do not belong there
strangers() {
  grep -Evx 'learner|actor|common|launch|tests|Makefile|README\.md|LICENSE|CONTRIBUTING\.md|\.ci|\.gitignore|\.gitattributes|\.editorconfig|\.clang-format|\.clang-tidy|\.mailmap'
}

passed=0 failed=0
verdict() { # WHAT OUTPUT: passes when there is no output
  if [ -z "$2" ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && printf '%s:\n%s\n' "$1" "$2"; fi
}

missed=
for pair in 'learner/x.c "actor/y.h"' 'actor/x.c "learner/y.h"' 'common/nn/x.h "common/wire/y.h"' 'common/base/x.c "common/nn/y.h"' \
  'common/config/x.c "common/env/y.h"' 'common/wire/x.c "launch/y.h"' 'learner/x.c "launch/y.h"' 'learner/x.c <mpi.h>' \
  'actor/x.c <cblas.h>' 'common/wire/codec.c <mpi.h>' 'learner/sac/sac.c <hdf5.h>' 'learner/x.c "sac.h"' 'actor/x.c <learner/sac/sac.h>' \
  'launch/x.c "tests/support/unit.h"'; do
  file=$tmp/${pair%% *}
  rm -rf "${tmp:?}"/*
  mkdir -p "${file%/*}"
  echo "  # include ${pair#* }" >"$file"
  [ -n "$(violations "$tmp")" ] || missed="$missed
  $pair"
done
[ -n "$(echo notes.txt | strangers)" ] || missed="$missed
  a stranger at the top"
verdict 'check_layers.sh does not find' "$missed"

rm -rf "${tmp:?}"/*
mkdir -p "$tmp/common/wire" "$tmp/launch"
printf '#include <mpi.h>\n#include <stdio.h>\n#include "common/nn/policy.h"\n' >"$tmp/common/wire/transport_mpi.c"
printf '#include <mpi.h>\n#include "learner/learner.h"\n#include "actor/actor.h"\n' >"$tmp/launch/train/train.c"
verdict 'check_layers.sh rejects what is allowed' "$(violations "$tmp")"

verdict 'against the direction of the layers' "$(violations .)"
# Outside of a clone there is no list of what belongs to the repository.
tracked=$(git ls-files 2>/dev/null | sed 's,/.*,,' | sort -u)
verdict 'does not belong at the top of the repository' "$(test -z "$tracked" || echo "$tracked" | strangers)"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

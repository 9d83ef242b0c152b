# Helpers that the scripts here share. Each script begins with `. "$(dirname "$0")/lib.sh"` and ends
# with `finish`. CORSAC, BUILD_DIR, MPIRUN and PYTHON (one with h5py, or empty) come from `make
# check-e2e`; by hand a script finds them itself.
set -u
export LC_ALL=C # numbers have a point, names sort by their bytes
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
root=$PWD
: "${BUILD_DIR:=build/release}" "${MPIRUN:=mpirun --bind-to none --oversubscribe}" "${CHECK_FULL:=0}"
: "${CORSAC:=$root/$BUILD_DIR/corsac}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
if [ -z "${PYTHON+set}" ]; then
  PYTHON=$(for p in python3 /usr/bin/python3; do $p -c 'import h5py' 2>/dev/null && echo $p && break; done)
fi
plugins=$root/$BUILD_DIR/plugins
h5=$root/tests/e2e/lib_h5.py
passed=0 failed=0 children=

tmp=$(mktemp -d "${TMPDIR:-/tmp}/corsac-e2e.XXXXXX")
out=$tmp/stdout err=$tmp/stderr
cleanup() {
  for pid in $children; do kill -KILL "$pid" 2>/dev/null; done
  rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

pass() { passed=$((passed + 1)); }
# fail NAME [WHY]: also shows what the last command said
fail() {
  failed=$((failed + 1))
  echo "FAILED: $1${2:+: $2}"
  [ -s "$err" ] && sed 's/^/    stderr: /' "$err" | tail -n 25
  return 0
}
# check NAME COMMAND...: the command succeeds
check() {
  local name=$1
  shift
  if "$@"; then pass; else fail "$name" "$*"; fi
}
skip() { echo "skipped: $*"; }
finish() {
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
  exit
}

# run COMMAND...: output in $out and $err, status in $status
run() {
  timeout -k 5 300 "$@" >"$out" 2>"$err" </dev/null
  status=$?
}
# expect_status NAME STATUS COMMAND...
expect_status() {
  local name=$1 wanted=$2
  shift 2
  run "$@"
  if [ $status = "$wanted" ]; then pass; else fail "$name" "exit status $status, not $wanted: $*"; fi
}
# A missing command fails the test.
command_not_found_handle() { fail "$0" "no such command: $*"; }
# Prints corsac's own error lines: those before a job starts, and those of the log.
messages() { grep -aE '^corsac: |^[0-9:.]+ [0-9]+ error ' "$err"; }
# bad NAME STATUS REGEX COMMAND...: the command fails with that status and exactly one message,
# which matches
bad() {
  local name=$1 wanted=$2 regex=$3 wrong=
  shift 3
  run "$@"
  case $status in $wanted) ;; *) wrong="exit status $status, not $wanted" ;; esac
  [ "$(messages | wc -l)" = 1 ] || wrong="$wrong, $(messages | wc -l) messages"
  messages | grep -qE -- "$regex" || wrong="$wrong, no message like '$regex'"
  # mpirun adds lines of its own. One process must print nothing else.
  case " $* " in *mpirun*) ;; *) grep -avqE '^corsac: |^[0-9:.]+ [0-9]+ (error|warn|info) ' "$err" && wrong="$wrong, other words on stderr" ;; esac
  wrong="$wrong$(also_wrong)"
  if [ -z "$wrong" ]; then pass; else fail "$name" "${wrong#, }"; fi
}
also_wrong() { :; } # a test may replace it, to print what else is wrong
train() { expect_status "$1" 0 "$CORSAC" train "${@:2}"; } # train NAME ARGUMENTS...: in one process, to its end

# start COMMAND...: in the background, its pid in $background. wait_for COMMAND...: polls until it
# succeeds, for 60 s at most.
start() {
  : >"$tmp/background.out" >"$tmp/background.err" # nothing that an earlier command said is there
  "$@" >"$tmp/background.out" 2>"$tmp/background.err" </dev/null &
  background=$!
  children="$children $background"
}
wait_for() {
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "waited in vain for: $*"
  return 1
}
# ended NAME STATUS: the background command ends with it
ended() {
  wait "$background"
  local code=$?
  children=${children% "$background"}
  cp "$tmp/background.err" "$err"
  if [ $code = "$2" ]; then pass; else fail "$1" "exit status $code, not $2"; fi
}

# json FILE KEY: a number, truth value or text at the top of a JSON object
json() { tr -d '\n' <"$1" | sed -n "s/.*\"$2\": *\(\"[^\"]*\"\|[^],}\"]*\).*/\1/p" | tr -d '" '; }
json_is() { [ "$(json "$1" "$2")" = "$3" ]; }
# column FILE NAME: that column of a metrics.csv, without its header
column() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } at { print $at }' "$1"; }
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 > b + 0) }'; } # above A B: A > B
rows() { tail -n +2 "$1" | wc -l; }
# digest DIR: the files of a run, as one text that changes with any byte.
digest() { (cd "$1" && find . -type f ! -name log.txt ! -name status.json ! -name lock -exec sha256sum {} + | sort -k 2); }

# Arguments of a job that takes a second.
small="--env Pendulum-v1 --seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --env-steps 300
  --checkpoint-every 100 --eval-every 150 --eval-episodes 2 --log-every 50"

# rank_pid RUN_DIR RANK: the process of that rank of mpirun's job. Its helpers have its environment,
# and come after it.
rank_pid() {
  local pid
  for pid in $(pgrep -f "run-dir $1( |\$)"); do
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$2" && echo "$pid" && break
  done
}
# counted FILE: the steps that the environments of plugins/counted.so made
counted() { od -An -v -t u8 "$1" | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum + 0 }'; }

# The documents that users read.
documents="README.md $(echo launch/manual/*.md)"
# block LANGUAGE TEXT: the first fenced block of that language in the documents that has the text
block() {
  # shellcheck disable=SC2086
  awk -v fence="\`\`\`$1" -v text="$2" '
    $0 == "```" && inside { if (index(body, text)) { printf "%s", body; exit } inside = 0; next }
    $0 == fence { inside = 1; body = ""; next }
    inside { body = body $0 "\n" }' $documents
}

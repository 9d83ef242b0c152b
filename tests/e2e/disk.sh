#!/usr/bin/env bash
# A disk fills or turns read-only, files are limited, fsync fails: training goes on, the last
# checkpoint stays, the log says so, and the save is tried again. strace shows the order of a save:
# first the data on the disk, then the name, then the directory.
. "$(dirname "$0")/lib.sh"

job="--env Pendulum-v1 --seed 3 --hidden 16,16 --batch-size 16 --learning-starts 200 --utd 0.05 --env-steps 100000000 --replay-capacity 10000
  --checkpoint-every 2000 --checkpoint-keep 2 --eval-every 0 --log-every 500"
newest() { ls "$1" | sed -n 's/^ckpt-\([0-9]*\)\.h5$/\1/p' | sort -n | tail -n 1; }
has_checkpoint() { [ -n "$(newest "$1")" ]; }
says() { grep -qE "$1" "$tmp/background.err"; }
newer() { [ "$(newest "$1")" -gt "$2" ] 2>/dev/null; } # newer DIR STEPS
far() { [ "$(tail -n 1 "$1/metrics.csv" | cut -d, -f2)" -gt "$2" ] 2>/dev/null; } # far DIR STEPS: it has made more
count() { grep -cE "$1" "$tmp/background.err"; }

# survives NAME REGEX BREAK MEND: a run on a disk of its own, which breaks and is mended
survives() {
  trap 'for at in $(grep -o "$tmp[^ ]*" /proc/mounts | tac); do umount "$at"; done; cleanup' EXIT
  local name=$1 regex=$2 broken=$3 mended=$4 disk=$tmp/disk run=$tmp/disk/run before
  mkdir -p "$disk"
  mount -t tmpfs -o size=8m none "$disk" || return
  start "$CORSAC" train $job --run-dir "$run"
  check "$name: a checkpoint comes first" wait_for has_checkpoint "$run"
  $broken "$disk"
  check "$name: it is said" wait_for says "$regex"
  before=$(newest "$run")
  sleep 1.5
  check "$name: training goes on" kill -0 "$background"
  check "$name: the checkpoint before is whole" "$CORSAC" inspect "$run/ckpt-$before.h5"
  check "$name: once, not all the time ($(count "$regex") times)" [ "$(count "$regex")" -le 3 ]
  $mended "$disk"
  check "$name: mended, the next save is made" wait_for newer "$run" "$before"
  check "$name: and said" wait_for says 'checkpoints are saved again'
  kill -USR1 "$background"
  ended "$name: the end" 75
  check "$name: what it leaves is whole" "$CORSAC" inspect "$run"
  "$CORSAC" train --resume "$run" --env-steps 1 --eval-every 0 >/dev/null 2>&1
  check "$name: no temporary file stays after the next start" [ -z "$(find "$run" -name '*.tmp')" ]
  umount "$disk"
}
fill() { dd if=/dev/zero of="$1/filler" bs=64k 2>/dev/null; }
empty() { rm "$1/filler"; }
# A read-only mount goes over the directory itself, since a file system with open files cannot turn
# read-only.
read_only() { mkdir "$1/view" && mount --bind "$1/run" "$1/view" && mount -o remount,bind,ro "$1/view" && mount --bind "$1/view" "$1/run"; }
writable() { umount "$1/run" "$1/view"; }
if [ "$(id -u)" = 0 ] && unshare --mount mount -t tmpfs none "$tmp" 2>/dev/null; then
  survives 'a full disk' 'No space left' fill empty
  survives 'a read-only disk' 'Read-only file system' read_only writable

  # nearly NAME SIGNAL: a disk with room for the small part only
  nearly() {
    local name="a nearly full disk, $1" disk=$tmp/disk run=$tmp/disk/run
    mount -t tmpfs -o size=8m none "$disk" || return
    start "$CORSAC" train $job --checkpoint-every 100000000 --run-dir "$run"
    check "$name: its replay is full" wait_for far "$run" 10000
    fill "$disk"
    truncate -s -200k "$disk/filler"
    kill -"$1" "$background"
    ended "$name: something is saved" 75
    check "$name: it is said" says 'No space left on device; ckpt-[0-9]*.h5 is saved without its replay'
    check "$name: it is good" "$CORSAC" inspect "$run"
    check "$name: nothing unfinished stays" [ -z "$(find "$run" -name '*.tmp')" ]
    umount "$disk"
  }
  nearly TERM
  nearly USR1
else
  skip 'a full disk and a read-only one: only root can mount some'
fi

# A file system that answers nobody for longer than actors wait for a silent learner.
frozen=$tmp/frozen
thaw() { fsfreeze -u "$frozen" 2>/dev/null; }
if [ "$(id -u)" = 0 ] && command -v mpirun fsfreeze >/dev/null && truncate -s 64M "$tmp/image" && mkfs.ext4 -q "$tmp/image" 2>/dev/null &&
  mkdir "$frozen" && mount -o loop "$tmp/image" "$frozen" 2>/dev/null; then
  trap 'thaw; umount "$frozen"; cleanup' EXIT
  start $MPIRUN -n 3 "$CORSAC" train $job --actor-timeout 2 --env-timeout 2 --run-dir "$frozen/run"
  check 'a file system that hangs: a checkpoint comes first' wait_for has_checkpoint "$frozen/run"
  check 'a file system that hangs: it is frozen' fsfreeze -f "$frozen"
  sleep 12 # status.json is written every 5 s, and a row of metrics.csv more often
  before=$(newest "$frozen/run")
  check 'a file system that hangs: it answers again' thaw
  check 'a file system that hangs: training goes on' wait_for newer "$frozen/run" "$before"
  check 'a file system that hangs: nobody has left' [ "$(count 'this actor leaves|presumed dead')" = 0 ]
  kill -USR1 "$background"
  ended 'a file system that hangs: the end' 75

  # The learner logs in the main thread while its log cannot be written. Between two writes of status.json, 5 s apart,
  # no other file is touched.
  start $MPIRUN -n 3 "$CORSAC" train $job --log-every 100000000 --checkpoint-every 100000000 --actor-timeout 2 --env-timeout 2 --run-dir "$frozen/quiet"
  written() { ! cmp -s "$frozen/quiet/status.json" "$tmp/status"; }
  wait_for [ -e "$frozen/quiet/status.json" ] && cp "$frozen/quiet/status.json" "$tmp/status"
  check 'a signal while the log hangs: status.json is new' wait_for written
  check 'a signal while the log hangs: it is frozen' fsfreeze -f "$frozen"
  kill -USR1 "$background"
  sleep 8
  check 'a signal while the log hangs: it answers again' thaw
  ended 'a signal while the log hangs: the end' 75
  check 'a signal while the log hangs: nobody has left' [ "$(count 'this actor leaves|presumed dead')" = 0 ]
  check 'a signal while the log hangs: log.txt has all' grep -q 'newest checkpoint' "$frozen/quiet/log.txt"
  umount "$frozen"
  trap cleanup EXIT
else
  skip 'a file system that hangs: only root, with mpirun and fsfreeze, can mount and freeze one'
fi

# As under a quota, no file may be larger than half a checkpoint.
echo 'ulimit -f "$1" && shift && exec "$@"' >"$tmp/limit.sh"
start bash "$tmp/limit.sh" 300 "$CORSAC" train $job --run-dir "$tmp/limited"
check 'a limit on files: it is said' wait_for says 'File too large'
check 'a limit on files: training goes on' kill -0 "$background"
kill -USR1 "$background"
ended 'a limit on files: a signal saves what fits' 75
check 'a limit on files: it is said' says 'warn .*File too large; ckpt-[0-9]*.h5 is saved without its replay'
check 'a limit on files: status.json says so' grep -q '"reason": "signal .*File too large; ckpt-[0-9]*.h5 is saved without its replay' "$tmp/limited/status.json"
check 'a limit on files: and has the state' json_is "$tmp/limited/status.json" state stopped
check 'a limit on files: what is saved is good' "$CORSAC" inspect "$tmp/limited/$(json "$tmp/limited/status.json" checkpoint)"
expect_status 'a limit on files: at the end too, which is no success' 1 bash "$tmp/limit.sh" 300 "$CORSAC" train --resume "$tmp/limited" --replay-capacity 10000 \
  --env-steps $(($(newest "$tmp/limited") + 12000)) --checkpoint-every 0
check 'a limit on files: the end says so' grep -qE 'error .*File too large; ckpt-[0-9]*.h5 is saved without its replay' "$err"
check 'a limit on files: and status.json' json_is "$tmp/limited/status.json" state failed
check 'a limit on files: the last step is saved' [ -e "$tmp/limited/ckpt-$(json "$tmp/limited/status.json" env_steps).h5" ]
check 'a limit on files: it can be gone on from' "$CORSAC" train --resume "$tmp/limited" --env-steps $(($(newest "$tmp/limited") + 300))

# No part of the checkpoint fits.
start bash "$tmp/limit.sh" 20 "$CORSAC" train $job --run-dir "$tmp/nothing"
check 'no room at all: it is said' wait_for says 'File too large'
kill -TERM "$background"
ended 'no room at all: the end tells that nothing is saved' 1
check 'no room at all: and status.json' json_is "$tmp/nothing/status.json" state failed

# --- the order of a save --------------------------------------------------------------------------

if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
  skip 'what strace sees of a save: no strace here, or it may not trace'
  finish
fi
strace -f -y -o "$tmp/trace" -e trace=write,pwrite64,pwritev,writev,ftruncate,fsync,fdatasync,rename,renameat,renameat2 \
  "$CORSAC" train $small --run-dir "$tmp/traced" >/dev/null 2>"$err"
# Each file that gets a checkpoint's name was synced after its last write. Its directory was synced
# after the renaming and before the next one.
awk -v run="$tmp/traced" '
  /unfinished|resumed/ { }
  match($0, /<[^>]*>/) { file = substr($0, RSTART + 1, RLENGTH - 2) }
  /write|ftruncate/ && file ~ /\.tmp$/ { dirty[file] = 1 }
  /fsync|fdatasync/ { if (file == run) directory = 1; else delete dirty[file] }
  /rename/ && /ckpt-[0-9]+\.h5"|best\.h5"/ {
    match($0, /"[^"]*"/); from = substr($0, RSTART + 1, RLENGTH - 2)
    if (from in dirty) { print "renamed before it was synced: " from; bad = 1 }
    if (renamed && !directory) { print "the directory was not synced after a renaming"; bad = 1 }
    renamed++; directory = 0
  }
  END { if (renamed && !directory) { print "the directory was not synced at the end"; bad = 1 } print renamed + 0; exit bad || renamed < 3 }' "$tmp/trace" >"$out"
status=$?
check "a save: data, name, directory: $(tail -n 3 "$out" | tr '\n' ' ')" [ $status = 0 ]

# The third fsync and every later one fail: no file gets a name unless it is on the disk.
run timeout 60 strace -f -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:error=EIO:when=3+ "$CORSAC" train $small --run-dir "$tmp/lying"
check 'a failing fsync: it is said' grep -q 'Input/output error' "$err"
check 'a failing fsync: nothing is lost unsaid' [ $status = 1 ]
for file in "$tmp"/lying/ckpt-*.h5; do [ ! -e "$file" ] || check "a failing fsync: ${file##*/} is whole" "$CORSAC" inspect "$file"; done
finish

#!/bin/sh
# Copies a staged tree below a prefix, or removes exactly what was copied. `make install` and
# `make uninstall` call it. PREFIX/share/corsac/installed lists each file, and each directory that was
# made for them, with a slash at its end.
#   install.sh STAGE PREFIX     also removes files of an earlier install that are not in this one
#   install.sh --remove PREFIX
set -eu
export LC_ALL=C # for sort
list=share/corsac/installed
die() { echo "corsac: $*" >&2 && exit 1; }

# Reads names and removes them, of directories only empty ones, the deepest first.
remove() {
  sort -r | while IFS= read -r name; do
    case $name in
    '' | /* | *..*) die "$prefix/$list names '$name', which is not of corsac" ;;
    */) rmdir "$prefix/$name" 2>/dev/null || true ;;
    *.py) # and its cached byte code
      module=${name##*/} cache=${name%/*}/__pycache__
      rm -f "$prefix/$name" "$prefix/$cache/${module%.py}".*.pyc
      rmdir "$prefix/$cache" 2>/dev/null || true
      ;;
    *) rm -f "$prefix/$name" ;;
    esac
  done
}

# One at a time. Some file systems cannot lock a directory.
take_prefix() { exec 9<"$prefix" && { flock -w 600 9 2>/dev/null || true; }; }

if [ "$1" = --remove ]; then
  prefix=$2
  [ -e "$prefix/$list" ] || { echo "corsac: nothing is installed below $prefix (there is no $prefix/$list)"; exit 0; }
  take_prefix
  names=$(cat "$prefix/$list")
  printf '%s\n' "$names" | grep -v '/$' | remove
  printf '%s\n' "$names" | grep '/$' | remove
  exit
fi

stage=$1 prefix=$2
mkdir -p "$prefix" || die "$prefix cannot be made"
take_prefix
before=$(cat "$prefix/$list" 2>/dev/null || true)
files=$(cd "$stage" && find . -type f -o -type l | sed 's,^\./,,' | sort)
directories=$(cd "$stage" && find . -mindepth 1 -type d | sed 's,^\./,,' | sort)
made=$(printf '%s\n' "$before" | grep '/$' || true)
for directory in $directories; do # parents come first
  [ -d "$prefix/$directory" ] && continue
  mkdir "$prefix/$directory" || die "$prefix/$directory cannot be made"
  made="$made
$directory/"
done
printf '%s\n' "$files" | while IFS= read -r file; do
  cp -P --remove-destination --preserve=mode,timestamps "$stage/$file" "$prefix/$file" || die "$prefix/$file cannot be written"
done
gone=$(printf '%s\n' "$before" | grep -v '/$' | grep -Fvx "$files" || true)
[ -z "$gone" ] || printf '%s\n' "$gone" | grep -Fvx $list | remove
printf '%s\n' "$files" $list "$made" | grep . | sort -u >"$prefix/$list"

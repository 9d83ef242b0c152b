#!/usr/bin/env bash
# The same bits on arm64, which qemu plays. Of the program the arithmetic: MPI and HDF5 for arm64 are not installed here.
. "$(dirname "$0")/../e2e/lib.sh"
expect_status 'fingerprints here' 0 "$BUILD_DIR/cpus/fingerprints"
cp "$out" "$tmp/fingerprints"
expect_status 'fingerprints on arm64' 0 $EMULATOR "$ARM64_DIR/cpus/fingerprints"
check 'on NEON' grep -qx 'tiles: NEON' "$err"
check 'fingerprints are many' [ "$(rows "$out")" -ge 45 ]
check 'the same bits' diff "$tmp/fingerprints" "$out"
finish

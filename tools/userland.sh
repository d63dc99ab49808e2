#!/bin/bash
# Debian 12 for arm64 with Python 3.11, which is what Raspberry Pi OS is made of, and a qemu to run
# its programs on another machine.
#
# userland.sh FOLDER PIP NEED…   half a minute, 300 MB; NEEDs are requirements as pip takes them
set -euo pipefail
folder=$1 pip=$2
shift 2
bash "$(dirname "$0")/qemu.sh" "$folder"
if [ ! -d "$folder/root" ]; then
  rm -rf "$folder/root.new"
  mmdebstrap --quiet --variant=extract --architectures=arm64 \
    --include=python3,libgcc-s1,libstdc++6,libgomp1 bookworm "$folder/root.new"
  platforms=(--platform any --platform manylinux2014_aarch64)
  for glibc in 17 24 26 27 28 31 34 35 36; do
    platforms+=(--platform "manylinux_2_${glibc}_aarch64")
  done
  "$pip" -q install --target "$folder/root.new/opt/python" --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 "${platforms[@]}" "$@"
  mv "$folder/root.new" "$folder/root"
fi

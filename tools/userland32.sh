#!/bin/bash
# Debian 12 for armhf with Python 3.11, what 32-bit Raspberry Pi OS is made of, and a qemu for it.
# LiteRT has no wheel for it; its predecessor's last one has. NumPy and Pillow are Debian's, since
# PyPI has no 32-bit wheels of theirs.
#
# userland32.sh FOLDER PIP   half a minute, 350 MB
set -euo pipefail
folder=$1 pip=$2
mkdir -p "$folder"
if [ ! -x "$folder/qemu-arm" ]; then
  rm -rf "$folder/qemu.new"
  mmdebstrap --quiet --variant=extract --architectures=amd64 --include=qemu-user \
    trixie "$folder/qemu.new"
  cp "$folder/qemu.new/usr/bin/qemu-arm" "$folder/"
  rm -rf "$folder/qemu.new"
fi
if [ ! -d "$folder/root" ]; then
  rm -rf "$folder/root.new"
  mmdebstrap --quiet --variant=extract --architectures=armhf \
    --include=python3,python3-numpy,python3-pil,libblas3,liblapack3,libstdc++6,libatomic1 \
    bookworm "$folder/root.new" http://deb.debian.org/debian
  # Only a whole installation would set these links up.
  for name in blas lapack; do
    ln -sf "$name/lib$name.so.3" "$folder/root.new/usr/lib/arm-linux-gnueabihf/lib$name.so.3"
  done
  "$pip" -q install --target "$folder/root.new/opt/python" --no-deps --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_34_armv7l \
    tflite-runtime==2.14.0
  mv "$folder/root.new" "$folder/root"
fi

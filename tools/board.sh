#!/bin/bash
# What a Raspberry Pi 3 boots in qemu: Debian's kernel with the modules of its virtual camera, the
# board's device tree, and a userland as its first file system.
#
# board.sh FOLDER USERLAND   15 s, 140 MB; USERLAND is userland.sh's
set -euo pipefail
folder=$1 userland=$2
[ ! -e "$folder/system.cpio.gz" ] || exit 0
rm -rf "$folder/kernel.new"
mkdir -p "$folder/modules"
mmdebstrap --quiet --variant=extract --architectures=arm64 --include=linux-image-arm64 \
  bookworm "$folder/kernel.new"
version=$(basename "$folder"/kernel.new/lib/modules/*)
cp "$folder/kernel.new/boot/vmlinuz-$version" "$folder/kernel"
cp "$folder/kernel.new/usr/lib/linux-image-$version/broadcom/bcm2837-rpi-3-b.dtb" "$folder/board.dtb"
depmod -b "$folder/kernel.new" "$version"
# In the order in which they load: each after those that it needs.
count=0
modprobe -S "$version" -d "$folder/kernel.new" --show-depends vivid | while read -r _ module; do
  cp "$module" "$folder/modules/$(printf %02d $count)-$(basename "$module")"
  count=$((count + 1))
done
rm -rf "$folder/kernel.new"
{
  cd "$userland/root"
  find . -path ./usr/share -prune -o -path ./dev -prune -o -name __pycache__ -prune -o -print |
    cpio --quiet -o -H newc -R 0:0
  cd "$folder"
  find modules | cpio --quiet -o -H newc -R 0:0
} | gzip -1 > "$folder/system.new"
mv "$folder/system.new" "$folder/system.cpio.gz"

#!/bin/bash
# qemu-aarch64, which runs single arm64 programs, into a folder that lacks it.
#
# qemu.sh FOLDER
set -euo pipefail
folder=$1
mkdir -p "$folder"
[ ! -x "$folder/qemu-aarch64" ] || exit 0
# Debian 12's own qemu shows the guest the host's processor, which LiteRT then believes.
rm -rf "$folder/qemu.new"
mmdebstrap --quiet --variant=extract --architectures=amd64 --include=qemu-user \
  trixie "$folder/qemu.new"
cp "$folder/qemu.new/usr/bin/qemu-aarch64" "$folder/"
rm -rf "$folder/qemu.new"

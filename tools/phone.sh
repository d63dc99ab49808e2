#!/bin/bash
# The nearest to a phone that a plain machine has: Debian's arm64 adbd, run by qemu and proot.
#
# phone.sh build FOLDER        qemu-aarch64 and the system in FOLDER; half a minute, 100 MB
# phone.sh hold FOLDER SIZE    in namespaces of its own: sets up network and /data/local/tmp of SIZE
# phone.sh adbd FOLDER GETPROP in the same: adbd itself, with a script for getprop, until killed
set -euo pipefail
command=$1 folder=$2
case $command in
  build)
    bash "$(dirname "$0")/qemu.sh" "$folder"
    if [ ! -d "$folder/phone" ]; then
      rm -rf "$folder/phone.new"
      mmdebstrap --quiet --variant=extract --architectures=arm64 --include=adbd,dash,coreutils \
        trixie "$folder/phone.new"
      for name in bin lib sbin; do ln -sfn "usr/$name" "$folder/phone.new/$name"; done
      mkdir -p "$folder/phone.new/data/local/tmp"
      touch "$folder/phone.new/usr/bin/getprop"
      mkdir -p "$folder/phone.new/sys"
      mv "$folder/phone.new" "$folder/phone"
    fi
    ;;
  hold)
    ip link set lo up
    mount -t tmpfs -o "size=$3" tmpfs "$folder/phone/data/local/tmp"
    echo ready
    exec sleep infinity
    ;;
  adbd)
    # adbd takes unauthenticated root shells on all interfaces: only ever without a network.
    [ "$(ip -o link | wc -l)" = 1 ] || { echo "not in a network namespace" >&2; exit 2; }
    exec env -i PATH=/usr/bin:/usr/sbin HOME=/ TMPDIR=/data/local/tmp \
      proot -q "$folder/qemu-aarch64 -cpu cortex-a76" -r "$folder/phone" \
      -b /proc -b /dev -b /sys -b "$3:/usr/bin/getprop" -w / /usr/lib/android-sdk/platform-tools/adbd
    ;;
esac

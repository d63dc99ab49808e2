#!/bin/bash
# Builds Debian 13's qemu 10 for single arm64 programs with its plugin interface, which Debian's own
# build lacks, and the plugin that counts instructions. About 10 minutes on two cores, 1.5 GB; as
# root, since it unpacks a Debian to build in. Needs mmdebstrap.
#
# build_qemu.sh FOLDER
#
# Leaves in FOLDER: qemu-aarch64, libcount.so and lib/, the C library that both are run with.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
folder=$(realpath -m "${1:?usage: build_qemu.sh FOLDER}")
command -v mmdebstrap >/dev/null || { echo "needs mmdebstrap; apt-get install it" >&2; exit 2; }
work=$folder/build
mkdir -p "$folder"
if [ ! -d "$work" ]; then
  rm -rf "$work.new"
  mmdebstrap --quiet --variant=apt --architectures=amd64 \
    --include=gcc,libc6-dev,make,ninja-build,meson,pkgconf,flex,bison,bzip2,xz-utils,binutils \
    --include=libglib2.0-dev,zlib1g-dev,dpkg-dev,python3,python3-venv,python3-packaging \
    --include=python3-tomli trixie "$work.new"
  apt=$work.new/etc/apt
  sed -n 's/^deb /deb-src /p' "$apt/sources.list" > "$apt/sources.list.d/source.list"
  mv "$work.new" "$work"
fi
cp "$here/count.c" "$work/count.c"
cat > "$work/inside.sh" <<'INSIDE'
set -e
mkdir -p /qemu && cd /qemu
if [ ! -d source ]; then
  apt-get -q update
  apt-get -q source --download-only qemu
  dpkg-source --no-check -x qemu_*.dsc source
fi
mkdir -p made && cd made
[ -f build.ninja ] || ../source/configure --target-list=aarch64-linux-user --enable-plugins \
  --disable-system --disable-tools --disable-docs --disable-install-blobs --disable-guest-agent \
  --disable-capstone --disable-gio --disable-debug-info --disable-werror --disable-download
ninja qemu-aarch64
gcc -O2 -Wall -Wextra -shared -fPIC -I/qemu/source/include/qemu $(pkg-config --cflags glib-2.0) \
  -o /qemu/libcount.so /count.c
INSIDE
chroot "$work" sh /inside.sh
mkdir -p "$folder/lib"
libraries=$work/usr/lib/x86_64-linux-gnu
cp -L "$libraries/ld-linux-x86-64.so.2" "$folder/lib/"
# What both need beside the loader: the second column of ldd's lines.
chroot "$work" ldd /qemu/made/qemu-aarch64 /qemu/libcount.so | awk '$2 == "=>" { print $3 }' \
  | sort -u | while read -r library; do cp -L "$work$library" "$folder/lib/"; done
cp "$work/qemu/made/qemu-aarch64" "$work/qemu/libcount.so" "$folder/"
echo "$folder/qemu-aarch64"

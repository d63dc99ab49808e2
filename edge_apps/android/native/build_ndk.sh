#!/bin/bash
# Builds the runner with Android's NDK, against the system's own C library instead of a bundled one.
#
# THIS SCRIPT WAS NOT RUN WHERE THE PROJECT IS DEVELOPED: neither an NDK nor LiteRT's library for
# Android can be had there. The sources are those that build.sh compiles and the tests run.
#
# usage: build_ndk.sh NDK LITERT [ABI] [FOLDER]
#   NDK     folder of the NDK, r25 or later
#   LITERT  LiteRT 2.3's libLiteRt.so for the ABI, out of com.google.ai.edge.litert's .aar (jni/ABI/)
#   ABI     arm64-v8a (default) or x86_64
#   FOLDER  made anew; pass it to `python -m edge_apps.android run --bundle FOLDER`
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2; }
ndk=$1 litert=$2 abi=${3:-arm64-v8a}
case $abi in
  arm64-v8a) machine=aarch64 ;;
  x86_64) machine=x86_64 ;;
  *) echo "$abi: unknown ABI, expected arm64-v8a or x86_64" >&2; exit 2 ;;
esac
out=${4:-android-ndk-$abi}
here=$(cd "$(dirname "$0")" && pwd)
host=$(uname -s | tr '[:upper:]' '[:lower:]')-x86_64
compiler=$ndk/toolchains/llvm/prebuilt/$host/bin/$machine-linux-android26-clang++
for file in "$compiler" "$litert"; do
  [ -f "$file" ] || { echo "$file: no such file" >&2; exit 2; }
done

bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT
cp "$litert" "$bundle/libLiteRt.so"
"$compiler" -std=c++17 -O2 -Wall -Wextra -s -static-libstdc++ -o "$bundle/samnet_runner" \
  "$here/runner.cc" "$here/litert_engine.cc" -L "$bundle" -lLiteRt
cat > "$bundle/run" << 'END'
#!/system/bin/sh
here=${0%/*}
LD_LIBRARY_PATH=$here exec "$here/samnet_runner" "$@"
END
cat > "$bundle/bundle.json" << END
{"abi": "$abi", "formats": [".tflite"], "runtime": "LiteRT 2.3, NDK", "libc": "bionic"}
END
chmod 755 "$bundle"/*
rm -rf "$out"
mkdir -p "$(dirname "$out")"
cp -r "$bundle" "$out"
echo "$out: runner for $abi"

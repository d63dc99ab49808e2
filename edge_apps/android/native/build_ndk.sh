#!/bin/bash
# Builds the runner with Android's NDK, against the system's own C library instead of a bundled one.
#
# THIS SCRIPT WAS NOT RUN WHERE THE PROJECT IS DEVELOPED: neither an NDK, nor LiteRT's library for
# Android, nor ExecuTorch's sources can be had there. The runner's sources are those that build.sh
# compiles and the tests run.
#
# usage: build_ndk.sh NDK FORMAT RUNTIME [ABI] [FOLDER]
#   NDK      folder of the NDK, r25 or later
#   FORMAT   of the models: tflite or pte
#   RUNTIME  for tflite, LiteRT 2.3's libLiteRt.so for the ABI, out of com.google.ai.edge.litert's
#            .aar (jni/ABI/); for pte, a checkout of ExecuTorch 1.5 with its submodules
#   ABI      arm64-v8a (default) or x86_64
#   FOLDER   made anew; pass it to `samnet android run --bundle FOLDER`
set -euo pipefail

[ $# -ge 3 ] || { sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2; }
ndk=$1 format=$2 runtime=$3 abi=${4:-arm64-v8a}
case $abi in
  arm64-v8a) machine=aarch64 ;;
  x86_64) machine=x86_64 ;;
  *) echo "$abi: unknown ABI, expected arm64-v8a or x86_64" >&2; exit 2 ;;
esac
out=${5:-android-ndk-$abi-$format}
here=$(cd "$(dirname "$0")" && pwd)
host=$(uname -s | tr '[:upper:]' '[:lower:]')-x86_64
compiler=$ndk/toolchains/llvm/prebuilt/$host/bin/$machine-linux-android26-clang++
case $format in
  tflite) needed=$runtime said="LiteRT 2.3, NDK" ;;
  pte) needed=$runtime/CMakeLists.txt said="ExecuTorch 1.5, NDK" ;;
  *) echo "$format: unknown format, expected tflite or pte" >&2; exit 2 ;;
esac
for file in "$compiler" "$needed"; do
  [ -f "$file" ] || { echo "$file: no such file" >&2; exit 2; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/bundle
mkdir "$bundle"
if [ "$format" = tflite ]; then
  cp "$runtime" "$bundle/libLiteRt.so"
  "$compiler" -std=c++17 -O2 -Wall -Wextra -s -static-libstdc++ -o "$bundle/samnet_runner" \
    "$here/runner.cc" "$here/litert_engine.cc" -L "$bundle" -lLiteRt
else
  cmake -S "$here" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_TOOLCHAIN_FILE="$ndk/build/cmake/android.toolchain.cmake" \
    -DANDROID_ABI="$abi" -DANDROID_PLATFORM=android-26 -DANDROID_STL=c++_static \
    -DEXECUTORCH_SOURCES="$(cd "$runtime" && pwd)"
  cmake --build "$work/build" --target samnet_runner --parallel
  cp "$work/build/samnet_runner" "$bundle/"
fi
cat > "$bundle/run" << 'END'
#!/system/bin/sh
here=${0%/*}
LD_LIBRARY_PATH=$here exec "$here/samnet_runner" "$@"
END
cat > "$bundle/bundle.json" << END
{"abi": "$abi", "formats": [".$format"], "runtime": "$said", "libc": "bionic"}
END
chmod 755 "$bundle"/*
rm -rf "$out"
mkdir -p "$(dirname "$out")"
cp -r "$bundle" "$out"
echo "$out: runner for $abi and .$format"

#!/bin/bash
# Builds the runner of one ABI and one format and bundles it with everything it needs: the runtime's
# libraries out of its wheel, glibc and glibc's loader. The bundle uses nothing of the device's
# system.
#
# usage: build.sh [ABI] [FORMAT] [FOLDER]
#   ABI     arm64-v8a (default) or x86_64
#   FORMAT  of the models: tflite (default) or pte
#   FOLDER  made anew; default: where `samnet android` looks for it
#
# Needs Debian's g++-aarch64-linux-gnu (or g++ for x86_64) and Python with pip for the wheel.
set -euo pipefail

litert=2.3.0
executorch=1.5.1  # The first that ships its libraries and headers; it runs programs of 1.4, too.
abi=${1:-arm64-v8a}
format=${2:-tflite}
case $abi in
  arm64-v8a) machine=aarch64 loader=ld-linux-aarch64.so.1 ;;
  x86_64) machine=x86_64 loader=ld-linux-x86-64.so.2 ;;
  *) echo "$abi: unknown ABI, expected arm64-v8a or x86_64" >&2; exit 2 ;;
esac
case $format in
  tflite) package=ai-edge-litert version=$litert ;;
  pte) package=executorch version=$executorch ;;
  *) echo "$format: unknown format, expected tflite or pte" >&2; exit 2 ;;
esac
out=${3:-${XDG_CACHE_HOME:-$HOME/.cache}/samnet/android/$abi-$format}
here=$(cd "$(dirname "$0")" && pwd)
compiler=${CXX:-$machine-linux-gnu-g++}
command -v "$compiler" > /dev/null || {
  echo "$compiler: not found; apt-get install g++-${machine/_/-}-linux-gnu, or name one with CXX" >&2
  exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

platforms=()
for tag in manylinux2014 manylinux_2_17 manylinux_2_27 manylinux_2_28 manylinux_2_31 manylinux_2_34
do platforms+=(--platform "${tag}_$machine"); done
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps \
  --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 "${platforms[@]}" \
  --dest "$work" "$package==$version"
"${PYTHON:-python3}" -m zipfile -e "$work"/*.whl "$work/wheel"

bundle=$work/bundle
mkdir "$bundle"
if [ "$format" = tflite ]; then
  cp "$work/wheel/ai_edge_litert/libLiteRt.so" "$bundle/"
  build=("$here/litert_engine.cc" -L "$bundle" -lLiteRt)
else
  package_folder=$work/wheel/executorch
  libraries=(executorch executorch_backend_xnnpack executorch_kernels_optimized
    executorch_threadpool)
  for name in "${libraries[@]}"; do cp "$package_folder/lib/lib$name.so" "$bundle/"; done
  # The definitions are those with which the libraries were compiled, by the wheel's CMake package.
  build=("$here/executorch_engine.cc" -DC10_USING_CUSTOM_GENERATED_MACROS -DET_EVENT_TRACER_ENABLED
    -isystem "$package_folder/include"
    -isystem "$package_folder/include/executorch/runtime/core/portable_type/c10"
    # Kernels and the delegate are found by what they register, not by a symbol.
    -L "$bundle" -Wl,--no-as-needed "${libraries[@]/#/-l}")
fi
"$compiler" -std=c++17 -O2 -Wall -Wextra -Werror -s -o "$bundle/samnet_runner" \
  "$here/runner.cc" "${build[@]}" -Wl,--allow-shlib-undefined
for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 libstdc++.so.6 libgcc_s.so.1 \
  "$loader"
do cp -L "$("$compiler" -print-file-name="$library")" "$bundle/$library"; done
cat > "$bundle/run" << END
#!/system/bin/sh
here=\${0%/*}
exec "\$here/$loader" --library-path "\$here" "\$here/samnet_runner" "\$@"
END
cat > "$bundle/bundle.json" << END
{"abi": "$abi", "formats": [".$format"], "runtime": "$package $version", "libc": "glibc"}
END
chmod 755 "$bundle"/*

mkdir -p "$(dirname "$out")"
rm -rf "$out"
mv "$bundle" "$out"
echo "$out: runner for $abi and .$format, $(du -sh "$out" | cut -f 1)"

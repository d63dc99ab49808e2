#!/bin/bash
# Builds the runner of one ABI and bundles it with everything it needs: LiteRT's library out of the
# ai-edge-litert wheel, glibc and glibc's loader. The bundle uses nothing of the device's system.
#
# usage: build.sh [ABI] [FOLDER]
#   ABI     arm64-v8a (default) or x86_64
#   FOLDER  made anew; default: where `python -m edge_apps.android` looks for it
#
# Needs Debian's g++-aarch64-linux-gnu (or g++ for x86_64) and Python with pip for the wheel.
set -euo pipefail

litert=2.3.0
abi=${1:-arm64-v8a}
case $abi in
  arm64-v8a) machine=aarch64 loader=ld-linux-aarch64.so.1 ;;
  x86_64) machine=x86_64 loader=ld-linux-x86-64.so.2 ;;
  *) echo "$abi: unknown ABI, expected arm64-v8a or x86_64" >&2; exit 2 ;;
esac
out=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/samnet/android/$abi}
here=$(cd "$(dirname "$0")" && pwd)
compiler=${CXX:-$machine-linux-gnu-g++}
command -v "$compiler" > /dev/null || {
  echo "$compiler: not found; apt-get install g++-$machine-linux-gnu, or name one with CXX" >&2
  exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

platforms=()
for tag in manylinux2014 manylinux_2_17 manylinux_2_27 manylinux_2_28 manylinux_2_31 manylinux_2_34
do platforms+=(--platform "${tag}_$machine"); done
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps \
  --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 "${platforms[@]}" \
  --dest "$work" "ai-edge-litert==$litert"
"${PYTHON:-python3}" -m zipfile -e "$work"/ai_edge_litert-*.whl "$work/wheel"

bundle=$work/bundle
mkdir "$bundle"
cp "$work/wheel/ai_edge_litert/libLiteRt.so" "$bundle/"
"$compiler" -std=c++17 -O2 -Wall -Wextra -Werror -s -o "$bundle/samnet_runner" \
  "$here/runner.cc" "$here/litert_engine.cc" -L "$bundle" -lLiteRt -Wl,--allow-shlib-undefined
for library in libc.so.6 libm.so.6 libstdc++.so.6 libgcc_s.so.1 "$loader"; do
  cp -L "$("$compiler" -print-file-name="$library")" "$bundle/$library"
done
cat > "$bundle/run" << END
#!/system/bin/sh
here=\${0%/*}
exec "\$here/$loader" --library-path "\$here" "\$here/samnet_runner" "\$@"
END
cat > "$bundle/bundle.json" << END
{"abi": "$abi", "formats": [".tflite"], "runtime": "ai-edge-litert $litert", "libc": "glibc"}
END
chmod 755 "$bundle"/*

mkdir -p "$(dirname "$out")"
rm -rf "$out"
mv "$bundle" "$out"
echo "$out: runner for $abi, $(du -sh "$out" | cut -f 1)"

#!/usr/bin/env bash
# Runs the tests that need a GPU on every software driver found, and prints a table:
# lavapipe (Vulkan), llvmpipe (GL) and SwiftShader (Vulkan). They differ where hardware differs:
# SwiftShader flushes denormals, the others fold sums, GL has the smaller limits.
#
#   tests/drivers.sh [SWIFTSHADER]    path of libvk_swiftshader.so, if it is not chromium's
set -u -o pipefail
cd "$(dirname "$0")/.."
swiftshader=${1:-/usr/lib/chromium/libvk_swiftshader.so}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# run NAME VARIABLE=VALUE...
run() {
    local name=$1 log="$scratch/$1.log" begin=$SECONDS outcome
    shift
    if env "$@" WGMERGE_REQUIRE_GPU=1 cargo test --release --test tests -- \
        --nocapture parity:: device_loss:: devices:: >"$log" 2>&1; then
        outcome=passed
    else
        outcome=FAILED
        failed=1
    fi
    local adapter
    adapter=$(sed -n 's/^.*on 0: \(.*\); bindings.*$/\1/p' "$log" | head -n 1)
    printf '%-12s %-8s %4d s  %s\n' "$name" "$outcome" $((SECONDS - begin)) "$adapter"
    if [ "$outcome" = FAILED ]; then
        tail -n 30 "$log"
    fi
}

skip() {
    printf '%-12s %-8s         %s\n' "$1" skipped "$2"
}

lavapipe=$(find /usr/share/vulkan/icd.d /etc/vulkan/icd.d -name 'lvp_icd*.json' 2>/dev/null | head -n 1)
if [ -n "$lavapipe" ]; then
    run lavapipe WGPU_BACKEND=vulkan VK_DRIVER_FILES="$lavapipe"
else
    skip lavapipe "no lvp_icd*.json: install mesa-vulkan-drivers"
fi

if [ -f "$swiftshader" ]; then
    printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}' \
        "$(realpath "$swiftshader")" >"$scratch/swiftshader.json"
    run swiftshader WGPU_BACKEND=vulkan VK_DRIVER_FILES="$scratch/swiftshader.json"
else
    skip swiftshader "no $swiftshader: install chromium-common, or give its path"
fi

if ldconfig -p | grep -q 'libEGL\.so'; then
    run llvmpipe WGPU_BACKEND=gl EGL_PLATFORM=surfaceless
else
    skip llvmpipe "no libEGL.so: install libegl1 and libgl1-mesa-dri"
fi
exit $failed

#!/usr/bin/env bash
# Sees to the system libraries that Qt and a virtual display need on Linux.
# Missing ones are installed when this is root on Debian or Ubuntu; otherwise one line names them.
set -euo pipefail

# What the dynamic linker must find, and the Debian package that has it. We ask for the library and
# not for the package, because package names differ between releases (libglib2.0-0t64).
libraries="
libEGL.so.1              libegl1
libGL.so.1               libgl1
libgthread-2.0.so.0      libglib2.0-0
libdbus-1.so.3           libdbus-1-3
libfontconfig.so.1       libfontconfig1
libxkbcommon-x11.so.0    libxkbcommon-x11-0
libxcb-cursor.so.0       libxcb-cursor0
libxcb-icccm.so.4        libxcb-icccm4
libxcb-image.so.0        libxcb-image0
libxcb-keysyms.so.1      libxcb-keysyms1
libxcb-render-util.so.0  libxcb-render-util0
libxcb-shape.so.0        libxcb-shape0
"

PATH="$PATH:/usr/sbin:/sbin"

missing_packages() {
    local known library package
    known="$(ldconfig -p)"
    while read -r library package; do
        [[ -z "$library" || "$known" == *"$library "* ]] || echo "$package"
    done <<<"$libraries"
    if [[ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]] && ! command -v Xvfb >/dev/null; then
        echo xvfb
    fi
}

[[ "$(uname -s)" == Linux ]] && command -v ldconfig >/dev/null || exit 0
read -r -d '' -a packages < <(missing_packages) || true
[[ "${#packages[@]}" -gt 0 ]] || exit 0

if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
    echo "Installing system libraries: ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive # and no news of every package
    if apt-get update -qq </dev/null &&
        apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null; then
        exit 0
    fi
fi
echo "System libraries are missing; on Debian or Ubuntu: sudo apt-get install ${packages[*]}" >&2
exit 1

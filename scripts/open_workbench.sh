#!/usr/bin/env bash
# Opens the workbench on a folder of cases when there is a display and napari can open a window.
set -euo pipefail
bin="$1" cases="$2"

if [[ "$(uname)" == Linux && -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]]; then
    echo "No display: the workbench is not opened. With one: $bin/tumor-synth-workbench $cases"
elif ! "$bin/python" -c "import napari, qtpy.QtWidgets" 2>/dev/null; then
    echo "Without napari or Qt the workbench is not opened; make environment installs both."
elif [[ -d "$cases" ]]; then
    exec "$bin/tumor-synth-workbench" "$cases"
fi

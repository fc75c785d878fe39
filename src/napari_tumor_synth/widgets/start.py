"""napari with the workbench open, from the command line."""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Open the workbench, and a case in it if files or a folder are named."""
    parser = argparse.ArgumentParser(
        prog="tumor-synth-workbench", description=main.__doc__, epilog="Not for clinical use."
    )
    parser.add_argument("paths", type=Path, nargs="*", help="an MRI and its segmentation, a folder")
    paths = parser.parse_args().paths

    import napari

    viewer = napari.Viewer(title="Tumor Synth")
    _, workbench = viewer.window.add_plugin_dock_widget("napari-tumor-synth", "Workbench")
    if paths:
        workbench.case.load(paths)
    napari.run()


if __name__ == "__main__":
    main()

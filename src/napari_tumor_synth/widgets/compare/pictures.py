"""Thumbnails of ROIs, with the patient's right where the workbench has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QIcon, QImage, QPixmap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_tumor_synth.widgets.planes.anatomy import Convention

EDGE = 60  # pixels


def picture_of(plane: NDArray[np.uint8], convention: Convention) -> QPixmap:
    """Return an axial plane (A, R) of a radiological reader as the workbench shows it."""
    shown = plane if convention == "radiological" else plane[:, ::-1]
    height, width = shown.shape
    image = QImage(shown.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
    return QPixmap.fromImage(image).scaled(
        EDGE,
        EDGE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


def icon_of(plane: NDArray[np.uint8], convention: Convention) -> QIcon:
    """Return the picture for a list, which looks the same when its row is chosen."""
    picture, icon = picture_of(plane, convention), QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(picture, mode)
    return icon

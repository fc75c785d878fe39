"""One picture of many ROIs: three planes of each, as a radiologist reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_tumor_synth.files import atomic_file
from napari_tumor_synth.imaging.intensity import BACKGROUND, FOREGROUND_CEILING
from napari_tumor_synth.imaging.mask_rule import MASK_THRESHOLD

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[Plane, ...] = get_args(Plane)

_AXIS_ACROSS: Mapping[Plane, int] = {"axial": 0, "coronal": 1, "sagittal": 2}
_AXES_IN: Mapping[Plane, tuple[int, int]] = {"axial": (1, 2), "coronal": (0, 2), "sagittal": (0, 1)}
_LETTERS: Mapping[Plane, str] = {"axial": "APRL", "coronal": "SIRL", "sagittal": "SIAP"}

# all in pixels
_TILE, _SMALL_TILE, _MANY = 256, 160, 8
_GAP, _LEFT, _HEADER, _CAPTION, _FOOTER = 4, 74, 62, 30, 12
_DPI = 100


@dataclass(frozen=True, eq=False)
class SheetItem:
    """One ROI on a contact sheet.

    Attributes
    ----------
    image : ndarray, (S, A, R)
        One sequence in [-1, 1], background -1.
    label : str
        What stands under it, e.g. ``"LGG, seed 7"``.
    spacing : tuple of float
        Voxel edges (S, A, R) in mm.
    mask : ndarray of bool, (S, A, R), optional
        Decides which planes are shown; where it is not given, voxels brighter than what a
        decoder leaves of the background (`MASK_THRESHOLD`).
    """

    image: NDArray[np.floating]
    label: str
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    mask: NDArray[np.bool_] | None = None


def contact_sheet(
    rows: Sequence[tuple[str, Sequence[SheetItem]]],
    path: Path | str,
    title: str,
    *,
    synthetic: bool = False,
) -> None:
    """Write a PNG with three planes of each ROI, on the fixed grey window [-1, 1].

    Radiological convention: the patient's right is on the left of the screen, anterior is up in
    axial planes, superior in coronal and sagittal ones, and anterior is on the left in sagittal
    ones. Each plane is the one that shows most of the tumour. All ROIs have one scale in mm.

    Parameters
    ----------
    rows : sequence of (str, sequence of SheetItem)
        The label of each row, e.g. its class, and its ROIs.
    path : path
        The PNG file; whole or absent.
    title : str
    synthetic : bool
        Mark the picture, and the file itself, as synthetic.

    Raises
    ------
    ValueError
        There is no ROI to show.
    OutputError
        The file cannot be written.
    """
    items = [item for _, row in rows for item in row]
    if not items:
        raise ValueError("A contact sheet needs at least one ROI.")
    figure = _draw(rows, items, title, synthetic)
    about = {"Title": title}
    if synthetic:
        about["Description"] = "SYNTHETIC, not for clinical use"
    with atomic_file(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, facecolor="black", format="png", metadata=about)


def plane_image(array: NDArray[np.generic], plane: Plane, index: int) -> NDArray[np.generic]:
    """Return one plane of a volume (S, A, R) as it is displayed: row 0 is the top of the screen.

    Returns
    -------
    ndarray
        ``(A, R)`` for axial, ``(S, R)`` for coronal, ``(S, A)`` for sagittal; every axis is
        reversed, because rows run down and columns to the patient's left or posterior.
    """
    shown: NDArray[np.generic] = np.take(array, index, axis=_AXIS_ACROSS[plane])
    return shown[::-1, ::-1]


def widest_planes(mask: NDArray[np.bool_]) -> dict[Plane, int]:
    """Return for each plane the index at which the mask has its largest area.

    Of equal areas the one closest to the centre of the tumour counts; an empty mask gives the
    centre of the volume.
    """
    found: dict[Plane, int] = {}
    for plane in PLANES:
        areas = mask.sum(axis=_AXES_IN[plane])
        indices = np.arange(len(areas))
        centre = (indices * areas).sum() / areas.sum() if areas.any() else len(areas) // 2
        largest = indices[areas == areas.max()]
        found[plane] = int(largest[np.abs(largest - centre).argmin()])
    return found


def _draw(
    rows: Sequence[tuple[str, Sequence[SheetItem]]],
    items: Sequence[SheetItem],
    title: str,
    synthetic: bool,
) -> Figure:
    columns = max(len(row) for _, row in rows)
    tile = _tile_size(items, columns)
    block = 3 * (tile + _GAP) + _CAPTION
    # a sheet of one ROI is still as wide as its title
    width = _LEFT + max(columns * (tile + _GAP), 9 * len(title) + (180 if synthetic else 0), 400)
    height = _HEADER + len(rows) * block + _FOOTER
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="black")
    FigureCanvasAgg(figure)

    def text(x: float, y: float, words: str, size: float, **style: Any) -> None:
        figure.text(x / width, 1 - y / height, words, fontsize=size, va="center", **style)

    text(_LEFT, 20, title, 13, color="white")
    text(_LEFT, 44, _grid_text(items), 9, color="#a0a0a0")
    if synthetic:
        box = {"facecolor": "#ff9f1c", "edgecolor": "none", "boxstyle": "round,pad=0.35"}
        text(width - 14, 26, "SYNTHETIC", 13, color="black", weight="bold", ha="right", bbox=box)

    extent = max(max(_extent(item)) for item in items)
    for number, (row_label, row) in enumerate(rows):
        top = _HEADER + number * block
        text(18, top + 1.5 * tile, row_label, 14, color="white", ha="center", rotation=90)
        for line, plane in enumerate(PLANES):
            middle = top + line * (tile + _GAP) + tile / 2
            text(50, middle, plane, 9, color="#a0a0a0", ha="center", rotation=90)
        for column, item in enumerate(row):
            left = _LEFT + column * (tile + _GAP)
            caption = top + 3 * (tile + _GAP) + _CAPTION / 2 - 4
            text(left + tile / 2, caption, item.label, 9, color="#d0d0d0", ha="center")
            indices = widest_planes(_mask(item))
            for line, plane in enumerate(PLANES):
                bottom = height - top - line * (tile + _GAP) - tile
                place = (left / width, bottom / height, tile / width, tile / height)
                axes = figure.add_axes(place, facecolor="black")
                _draw_plane(axes, item, plane, indices[plane], extent)
                if column == 0:
                    _draw_letters(axes, plane)
    return figure


def _draw_plane(axes: Axes, item: SheetItem, plane: Plane, index: int, extent: float) -> None:
    height, width = (_extent(item)[axis] / 2 for axis in _AXES_IN[plane])
    axes.imshow(
        plane_image(item.image, plane, index).astype(np.float32),
        cmap="gray",
        vmin=BACKGROUND,
        vmax=FOREGROUND_CEILING,
        interpolation="nearest",
        extent=(-width, width, -height, height),
    )
    axes.set(xlim=(-extent / 2, extent / 2), ylim=(-extent / 2, extent / 2), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#303030")


def _draw_letters(axes: Axes, plane: Plane) -> None:
    places = ((0.5, 0.94), (0.5, 0.06), (0.05, 0.5), (0.95, 0.5))  # top, bottom, left, right
    for (x, y), letter in zip(places, _LETTERS[plane], strict=True):
        axes.text(
            x,
            y,
            letter,
            transform=axes.transAxes,
            color="#ffd166",
            size=9,
            ha="center",
            va="center",
        )


def _mask(item: SheetItem) -> NDArray[np.bool_]:
    return item.image > MASK_THRESHOLD if item.mask is None else item.mask


def _extent(item: SheetItem) -> tuple[float, ...]:
    return tuple(n * mm for n, mm in zip(item.image.shape, item.spacing, strict=True))


def _tile_size(items: Sequence[SheetItem], columns: int) -> int:
    """Return the edge of a tile in pixels: whole pixels a voxel, so that none is blurred."""
    target = _TILE if columns <= _MANY else _SMALL_TILE
    voxels = max(int(length) for item in items for length in item.image.shape)
    return voxels * max(1, round(target / voxels))


def _grid_text(items: Sequence[SheetItem]) -> str:
    """Say on which grid the ROIs lie, e.g. ``64³ voxels at 2 mm``; nothing if on several."""
    grids = {(item.image.shape, tuple(round(mm, 3) for mm in item.spacing)) for item in items}
    if len(grids) > 1:
        return "ROIs on several grids, shown at one scale"
    ((shape, spacing),) = grids
    size = f"{shape[0]}³" if len(set(shape)) == 1 else "×".join(map(str, shape))
    edges = [f"{mm:g}" for mm in spacing]
    return f"{size} voxels at {edges[0] if len(set(edges)) == 1 else '×'.join(edges)} mm"

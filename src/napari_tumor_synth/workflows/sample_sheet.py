"""The contact sheet of generated samples."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from napari_tumor_synth.generators.provenance import SYNTHETIC_NOTICE
from napari_tumor_synth.generators.synthetic import SyntheticRoi
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet

CONTACT_SHEET = "contact_sheet.png"
SHEET_SAMPLES = 32
"""More do not fit on a screen."""
_IN_A_ROW = 8


def write_sample_sheet(
    samples: Sequence[SyntheticRoi], folder: Path, model: str, *, of: int
) -> Path:
    """Show samples in three planes each, a class a row or more; return the PNG's path.

    Parameters
    ----------
    samples : sequence of SyntheticRoi
        At least one.
    model : str
        Name of the generator.
    of : int
        How many samples there are altogether.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    rows: list[tuple[str, list[SyntheticRoi]]] = []
    for sample in samples:
        name = sample.provenance.class_name
        if not rows or rows[-1][0] != name or len(rows[-1][1]) == _IN_A_ROW:
            rows.append((name, []))
        rows[-1][1].append(sample)
    title = model if of <= len(samples) else f"{model}, the first {len(samples)} of {of}"
    path = folder / CONTACT_SHEET
    contact_sheet(
        [(name, sheet_items(row)) for name, row in rows], path, title=title, synthetic=True
    )
    return path


def sheet_items(samples: Sequence[SyntheticRoi]) -> list[SheetItem]:
    """Return the tiles of synthetic ROIs on a contact sheet."""
    return [
        SheetItem(
            image=sample.roi.image[0],
            label=f"generated {sample.provenance.class_name}, seed {sample.provenance.seed}",
            spacing=sample.roi.spacing,
            mask=sample.roi.mask,
        )
        for sample in samples
    ]


def is_sample_sheet(path: Path) -> bool:
    """Tell whether a PNG is a contact sheet of synthetic ROIs."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return bool(image.info.get("Description") == SYNTHETIC_NOTICE)
    except (
        OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError,
    ):  # fmt: skip
        return False

"""The part of an evaluation about paired ROIs: each synthetic one beside the real one it is of."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.daef import tumour_region
from napari_tumor_synth.evaluation.features.looking import features_of
from napari_tumor_synth.evaluation.features.volume_network import random_network
from napari_tumor_synth.evaluation.paired import measure_pairs
from napari_tumor_synth.evaluation.report.document import Section, Table
from napari_tumor_synth.generators.devices import choose_device
from napari_tumor_synth.imaging.mask_rule import foreground_of
from napari_tumor_synth.progress import OnProgress
from napari_tumor_synth.workflows.evaluation.part import EVERY, Part, told_as
from napari_tumor_synth.workflows.roi_input import open_roi

COLUMNS = ("real", "synthetic")
EXPLANATION = (
    "Synthetic ROIs that stand for one real ROI each: reconstructions, other sequences, "
    "inpainting. The tumour region is the union of both masks. DAEF depends on the features, which "
    "are those of {features}: the paper's values are none to reach."
)


def pairs_part(table: Path, device: str, seed: int, on_progress: OnProgress) -> Part:
    """Compare the pairs of a table.

    Parameters
    ----------
    table : Path
        CSV with the columns ``real`` and ``synthetic``: ROIs, relative to the table's folder; and
        ``patient`` where several are of one.
    device : str
    seed : int
    on_progress : callable

    Raises
    ------
    InputError
        The table or an ROI is missing or damaged, or a pair does not fit.
    """
    rows = read_pairs(table)
    extractor = random_network(choose_device(device))
    real, synthetic = (_images(table, rows, column) for column in COLUMNS)
    regions: list[list[NDArray[np.float32]]] = [[], []]
    for ours, theirs in zip(synthetic, real, strict=True):
        if ours.shape == theirs.shape:  # `measure_pairs` refuses those that are not
            union = foreground_of(ours) | foreground_of(theirs)
            regions[0].append(tumour_region(ours, union))
            regions[1].append(tumour_region(theirs, union))
    vectors = [
        features_of(extractor, "volume", images).vectors
        for images in (synthetic, real, *regions)
        if len(images)
    ]
    paired = len(regions[0]) == len(rows)
    found = measure_pairs(
        synthetic,
        real,
        patients=[row["patient"] for row in rows] if "patient" in rows[0] else None,
        whole_features=(vectors[0], vectors[1]) if paired else None,
        tumour_features=(vectors[2], vectors[3]) if paired else None,
        seed=seed,
        on_progress=told_as(on_progress, "pairs"),
    )
    shown = Table(
        "pairs",
        f"{found.pairs} pairs of {found.patients} patients; intervals of 95 %",
        ("figure", "region", "mean", "SD", "low", "high", "n", "identical pairs", "definition"),
        tuple(
            (
                row.name, row.region, row.mean, row.sd, row.low, row.high, row.n, row.identical,
                row.definition,
            )
            for row in found.rows
        ),
    )  # fmt: skip
    keys = ("psnr_db", "foreground_psnr_db", "ssim", "foreground_ssim", "daef", "foreground_daef")
    layout = {
        (EVERY, "synthetic", key): row.mean for key, row in zip(keys, found.rows, strict=False)
    }
    text = EXPLANATION.format(features=extractor.description)
    return Part(
        "pairs",
        Section("How faithful are paired ROIs?", (text,), (shown,)),
        {**found.as_json(), "features": extractor.description},
        tuple(f"{row.name}, {row.region}  {row.mean:.4g}" for row in found.rows if row.mean),
        layout,
    )


def read_pairs(table: Path) -> list[dict[str, str]]:
    """Return the rows of a table of pairs; see `pairs_part`."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The table {table} cannot be read: {error}.", "Name a CSV.") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise InputError(
            f"The table {table} has no pairs.", "Give a CSV with the columns real and synthetic."
        )
    return rows


def _images(table: Path, rows: Sequence[dict[str, str]], column: str) -> list[NDArray[np.float32]]:
    return [open_roi(table.parent / (row[column] or "")).roi.image for row in rows]

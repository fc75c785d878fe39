"""`tumor-synth prepare`: a cohort becomes a cache of ROIs to train on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, note, progress_bar, report, warn
from napari_tumor_synth.cli.options import (
    LabelsOption,
    SizeOption,
    SpacingOption,
    WorkersOption,
    parse_labels,
    parse_names,
)


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("prepare")(prepare)


def prepare(
    cohort: Annotated[Path, typer.Argument(help="Folder of cases (BraTS naming) or a CSV.")],
    out: Annotated[Path, typer.Option(help="Folder of the cache.")],
    size: SizeOption = 128,
    spacing: SpacingOption = 1.0,
    labels: LabelsOption = "",
    sequences: Annotated[str, typer.Option(help="Sequences, e.g. flair,t1ce.")] = "flair",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 0,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Crop the ROIs of all cases and split the patients; a stopped call goes on where it was.

    Cases that cannot be cut are left out and listed; what is doubtful about the others is told by
    kind. A folder with a cache of other settings, or
    with other files, is refused.

    Example: tumor-synth prepare BraTS2019 --out cache --size 64 --spacing 2
    """
    from napari_tumor_synth.imaging.cache_doubts import doubts_of
    from napari_tumor_synth.imaging.prepare import prepare_cohort
    from napari_tumor_synth.workflows.roi import roi_settings

    settings = roi_settings(size, spacing, parse_labels(labels))
    with progress_bar("Preparing") as on_progress:
        cache = prepare_cohort(
            cohort,
            out,
            settings,
            sequences=parse_names(sequences),
            seed=seed,
            workers=workers,
            on_progress=on_progress,
        )
    splits = {split: len(cache.indices(split)) for split in ("train", "validation", "test")}
    for failure in cache.failed:
        warn(f"Left out: {failure}")
    doubts = doubts_of(cache.entries)
    for doubt in doubts:
        warn(f"{len(doubt.cases)} of {len(cache)} ROIs ({_first(doubt.cases)}): {doubt.example}")
    for remark in cache.notes:
        note(remark)
    lost = [entry.lost_fraction for entry in cache.entries]
    report(
        {
            "cache": str(out),
            "cases": len(cache),
            "classes": list(cache.classes),
            "splits": splits,
            "manifest_hash": cache.manifest_hash,
            "failed": [str(failure) for failure in cache.failed],
            "warned": sum(1 for entry in cache.entries if entry.warnings),
            "warnings": [{"count": len(d.cases), "example": d.example} for d in doubts],
            "cut_off": sum(1 for fraction in lost if fraction > 0),
            "largest_lost_fraction": max(lost),
        },
        as_json=as_json,
        lines=[
            f"{len(cache)} ROIs of {', '.join(cache.classes) or 'no known class'} in {out}, "
            f"{len(cache.failed)} cases left out",
            ", ".join(f"{count} for {split}" for split, count in splits.items()),
        ],
    )


def _first(names: Sequence[str], most: int = 3) -> str:
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])])

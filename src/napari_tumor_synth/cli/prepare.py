"""`tumor-synth prepare`: a cohort becomes a cache of ROIs to train on."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, messages, progress_bar, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("prepare")(prepare)


def prepare(
    cohort: Annotated[Path, typer.Argument(help="Folder of cases (BraTS naming) or a CSV.")],
    out: Annotated[Path, typer.Option(help="Folder of the cache.")],
    size: Annotated[int, typer.Option(min=8, max=512, help="Edge of the box in voxels.")] = 128,
    spacing: Annotated[float, typer.Option(min=0.1, max=20, help="Voxel edge in mm.")] = 1.0,
    sequences: Annotated[str, typer.Option(help="Sequences, e.g. flair,t1ce.")] = "flair",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: cores.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Crop the ROIs of all cases and split the patients; a stopped call goes on where it was.

    Example: tumor-synth prepare BraTS2019 --out cache --size 64 --spacing 2
    """
    from napari_tumor_synth.imaging.prepare import prepare_cohort
    from napari_tumor_synth.imaging.roi import RoiSettings

    settings = RoiSettings(size=(size, size, size), spacing_mm=spacing)
    with progress_bar("Preparing") as on_progress:
        cache = prepare_cohort(
            cohort,
            out,
            settings,
            sequences=tuple(name.strip() for name in sequences.split(",")),
            seed=seed,
            workers=workers,
            on_progress=on_progress,
        )
    splits = {split: len(cache.indices(split)) for split in ("train", "validation", "test")}
    for failure in cache.failed:
        messages.print(f"[yellow]Left out:[/] {failure}")
    report(
        {
            "cache": str(out),
            "cases": len(cache),
            "classes": list(cache.classes),
            "splits": splits,
            "manifest_hash": cache.manifest_hash,
            "failed": [str(failure) for failure in cache.failed],
        },
        as_json=as_json,
        lines=[f"{len(cache)} ROIs of {', '.join(cache.classes)} in {out}: {splits}"],
    )

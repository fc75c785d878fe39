"""`tumor-synth phantom`: simulated cases that anyone may have."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, progress_bar, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("phantom")(write_phantom_cases)


def write_phantom_cases(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Cases of each class.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first case.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: cores.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate glioma cases: four sequences and a segmentation each, half LGG and half HGG.

    Example: tumor-synth phantom --out phantoms --count 2 --seed 1
    """
    from napari_tumor_synth.imaging.phantom.writing import write_phantoms

    with progress_bar("Simulating") as on_progress:
        folders = write_phantoms(out, count, seed, workers=workers, on_progress=on_progress)
    report(
        {"cases": [str(folder) for folder in folders]},
        as_json=as_json,
        lines=[str(folder) for folder in folders],
    )

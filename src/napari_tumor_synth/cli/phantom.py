"""`tumor-synth phantom`: simulated cases that anyone may have."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, progress_bar, report
from napari_tumor_synth.cli.options import WorkersOption, parse_names


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("phantom")(simulate)


def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Cases of each class.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first case.")] = 0,
    classes: Annotated[str, typer.Option(help="Classes, among LGG and HGG.")] = "LGG,HGG",
    sequences: Annotated[
        str, typer.Option(help="Sequences; fewer are faster.")
    ] = "flair,t1,t1ce,t2",
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate glioma cases: sequences and a segmentation each, named like BraTS.

    A case depends on its class and seed only. Cases that are there already are kept, so that a
    stopped call goes on where it was.

    Example: tumor-synth phantom --out phantoms --count 2 --seed 1

    Example: tumor-synth phantom --out phantoms --count 500 --sequences flair
    """
    from napari_tumor_synth.workflows.phantom import simulate_cases

    with progress_bar("Simulating") as on_progress:
        folders = simulate_cases(
            out,
            count,
            seed,
            classes=parse_names(classes),
            sequences=parse_names(sequences),
            workers=workers,
            on_progress=on_progress,
        )
    report(
        {"cases": [str(folder) for folder in folders]},
        as_json=as_json,
        lines=[*map(str, folders), f"{len(folders)} simulated cases; none is a patient's."],
    )

"""`tumor-synth demo`: the main job on a phantom, from MRI to synthetic ROIs."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, progress_bar, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("demo"),
    count: Annotated[int, typer.Option(min=1, max=100, help="Synthetic ROIs of each class.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the phantom and samples.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Phantom case, its ROI, and synthetic ROIs of every class of the bundled generator.

    Example: tumor-synth demo --out demo
    """
    from napari_tumor_synth.workflows.demo import run_demo

    with progress_bar("Demo") as on_progress:
        result = run_demo(out, count=count, seed=seed, on_progress=on_progress)
    report(
        result.as_json(),
        as_json=as_json,
        lines=[
            f"case           {result.case}",
            f"ROI            {result.roi}",
            *(f"synthetic      {sample.image}" for sample in result.samples),
            f"contact sheet  {result.contact_sheet}",
            f"{result.seconds:.1f} s. SYNTHETIC, not for clinical use.",
        ],
    )

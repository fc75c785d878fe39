"""`tumor-synth demo`: the main job on phantoms, from MRI to synthetic ROIs."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import (
    JsonOption,
    OverwriteOption,
    progress_bar,
    report,
    warn,
)
from napari_tumor_synth.cli.options import DeviceOption, ModelOption


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("demo"),
    count: Annotated[int, typer.Option(min=1, max=100, help="Synthetic ROIs of each class.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Seed of phantoms and samples.")] = 7,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the main job: phantom cases, their ROIs, and synthetic ROIs of every class.

    All are shown side by side on contact_sheet.png. A second call writes the same again.

    Example: tumor-synth demo --out demo
    """
    from napari_tumor_synth.workflows.demo import run_demo

    with progress_bar("Demo") as on_progress:
        result = run_demo(
            out,
            count=count,
            seed=seed,
            model=model,
            device=device,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    for phantom in result.phantoms:
        for warning in phantom.warnings:
            warn(f"{phantom.case.name}: {warning}")
    report(
        result.as_json(),
        as_json=as_json,
        lines=[
            *(f"case           {phantom.case}" for phantom in result.phantoms),
            *(f"ROI            {phantom.roi}" for phantom in result.phantoms),
            *(f"synthetic      {sample.image}" for sample in result.samples),
            f"contact sheet  {result.contact_sheet}",
            f"{result.model}, {result.seconds:.1f} s. SYNTHETIC, not for clinical use.",
        ],
    )

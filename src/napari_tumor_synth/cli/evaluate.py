"""`tumor-synth evaluate`: whether synthetic ROIs are as good and varied as real ones, no copies."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, progress_bar, report
from napari_tumor_synth.cli.options import DeviceOption, WorkersOption


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(evaluate)


def evaluate(
    real: Annotated[
        Path, typer.Option(help="Prepared cohort, gallery, or folder or table of cases.")
    ],
    synthetic: Annotated[Path, typer.Option(help="Folder of synthetic ROIs.")],
    out: Annotated[Path, typer.Option(help="Folder of the report.")],
    reference: Annotated[
        str, typer.Option(help="held-out, training or all: real ROIs to measure distances from.")
    ] = "auto",
    table: Annotated[
        list[str] | None,
        typer.Option(help="Layout of a paper's table, e.g. seed000-1; may be repeated."),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            help="efficientnet-lite0, random, vqgan:MODEL or resnet50-3d:FILE:SHA256; may be "
            "repeated.",
            show_default="efficientnet-lite0 and random",
        ),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Of each MS-SSIM.")] = 1000,
    model: Annotated[
        str | None,
        typer.Option(
            help="Catalogue name or file of the generator, to count its weights and time samples.",
            show_default="the one that the samples' records name",
        ),
    ] = None,
    paired: Annotated[
        Path | None,
        typer.Option(help="CSV with columns real and synthetic: ROIs that stand for each other."),
    ] = None,
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a set of synthetic ROIs with real ones, and write a report (HTML, CSV, JSON).

    Says whether ROIs are copies of real ones, how far the set is from real ROIs that the generator
    never saw, and how varied it is; each figure with its number of ROIs, its interval, its
    definition and what real ROIs reach among themselves.

    Example: tumor-synth evaluate --real cache --synthetic samples --out report
    """
    from napari_tumor_synth.workflows.evaluate import EvaluationRequest
    from napari_tumor_synth.workflows.evaluate import evaluate as run
    from napari_tumor_synth.workflows.evaluation.extractors import DEFAULT

    if reference not in ("auto", "held-out", "training", "all"):
        raise typer.BadParameter(
            f"{reference!r} is none of auto, held-out, training and all.", param_hint="--reference"
        )
    request = EvaluationRequest(
        real,
        synthetic,
        reference=None if reference == "auto" else reference,  # type: ignore[arg-type]
        tables=tuple(table or ()),
        extractors=tuple(features or DEFAULT),
        pairs=pairs,
        model=model,
        pairs_table=paired,
        device=device,
        seed=seed,
        threads=workers,
    )
    with progress_bar("Evaluating") as on_progress:
        found = run(request, out, on_progress=on_progress)
    report(
        {"report": str(found.report), **found.data},
        as_json=as_json,
        lines=[*found.lines, f"report  {found.report}"],
    )

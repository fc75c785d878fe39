"""`tumor-synth export`: a run becomes a model that can be listed, used and passed on."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, OverwriteOption, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The .safetensors file to write; default: below export in the run."),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Put it among your own models, where it is listed.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Another name than the recipe's.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights.")] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the model of a training, float16, with a model card to be completed.

    A run that is not finished gives the model of its newest state. Weights learned from patients'
    images may give parts of them away: think before passing them on.

    Example: tumor-synth export runs/first --install
    """
    from napari_tumor_synth.training.runs.export import export_run

    made = export_run(run, out, install=install, name=name, licence=licence, overwrite=overwrite)
    listed = made.entry.name if made.entry else None
    report(
        {
            "checkpoint": str(made.path),
            "model_card": str(made.card),
            "sha256": made.sha256,
            "listed_as": listed,
        },
        as_json=as_json,
        lines=[
            f"checkpoint  {made.path}  {made.sha256}",
            f"model card  {made.card}, to be completed",
            *([f"listed as   {listed}"] if listed else []),
        ],
    )

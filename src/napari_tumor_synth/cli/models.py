"""`tumor-synth models` and `tumor-synth convert`: the generators there are."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, OverwriteOption, report
from napari_tumor_synth.cli.options import parse_names

_KEYS = {"name", "family", "classes", "grid", "spacing_mm", "sha256", "licence", "megabytes"}


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("models")(models)
    app.command("convert")(convert)


def models(as_json: JsonOption = False) -> None:
    """List the generators: bundled, in your data folder, and in TUMOR_SYNTH_MODELS.

    Example: tumor-synth models --json
    """
    from napari_tumor_synth.generators.catalogue import catalogue_folders, list_models

    entries = [model.entry for model in list_models()]
    lines = [
        f"{e.name}  {e.family}  {'/'.join(e.classes)}  {'+'.join(e.sequences)}  "
        f"{' x '.join(map(str, e.grid))} at {e.spacing_mm:g} mm  {e.megabytes:.1f} MB  "
        f"{e.licence}\n    {e.description}\n    trained on {e.training_data}"
        for e in entries
    ]
    if not entries:
        folders = ", ".join(str(folder) for folder in catalogue_folders())
        lines = [f"No generator is installed. A catalogue.json is looked for in: {folders}."]
    report(
        {"models": [entry.model_dump(mode="json", include=_KEYS) for entry in entries]},
        as_json=as_json,
        lines=lines,
    )


def convert(
    weights: Annotated[Path, typer.Argument(help="A PyTorch state dict (.pt, .pth) you trust.")],
    recipe: Annotated[Path, typer.Option(help="The recipe (TOML) that it was trained by.")],
    classes: Annotated[str, typer.Option(help="Class names in order, e.g. HGG,LGG.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "unknown",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Turn a pickled state dict into a checkpoint; only tensors are read (weights_only).

    The names in the state dict begin with autoencoder., transformer. and importance.

    Example: tumor-synth convert old.pt --recipe r.toml --classes HGG,LGG --out new.safetensors
    """
    from napari_tumor_synth.workflows.convert import convert_weights

    sha256 = convert_weights(
        weights, recipe, parse_names(classes), out, licence=licence, overwrite=overwrite
    )
    report({"checkpoint": str(out), "sha256": sha256}, as_json=as_json, lines=[f"{out}  {sha256}"])

"""`tumor-synth models` and `tumor-synth convert`: the generators there are."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, report


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("models")(models)
    app.command("convert")(convert)


def models(as_json: JsonOption = False) -> None:
    """List the generators: bundled, in your data folder, and in TUMOR_SYNTH_MODELS.

    Example: tumor-synth models --json
    """
    from napari_tumor_synth.generators.catalogue import list_models

    entries = [model.entry for model in list_models()]
    keys = {
        "name", "family", "classes", "sequences", "grid", "spacing_mm", "sha256", "licence",
        "megabytes", "description", "training_data",
    }  # fmt: skip
    report(
        {"models": [entry.model_dump(mode="json", include=keys) for entry in entries]},
        as_json=as_json,
        lines=[
            f"{e.name}  {e.family}  {'/'.join(e.classes)}  {'+'.join(e.sequences)}  "
            f"{e.grid[0]}^3 at {e.spacing_mm:g} mm  {e.megabytes:.1f} MB  {e.licence}\n"
            f"    {e.description}"
            for e in entries
        ],
    )


def convert(
    weights: Annotated[Path, typer.Argument(help="A PyTorch state dict (.pt, .pth) you trust.")],
    recipe: Annotated[Path, typer.Option(help="The recipe (TOML) that it was trained by.")],
    classes: Annotated[str, typer.Option(help="Class names in order, e.g. HGG,LGG.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "unknown",
    as_json: JsonOption = False,
) -> None:
    """Turn a pickled state dict into a checkpoint; only tensors are read (weights_only).

    Example: tumor-synth convert old.pt --recipe r.toml --classes HGG,LGG --out new.safetensors
    """
    from napari_tumor_synth.training.conversion import convert_state_dict

    sha256 = convert_state_dict(
        weights,
        recipe,
        tuple(name.strip() for name in classes.split(",")),
        out,
        licence=licence,
    )
    report(
        {"checkpoint": str(out), "sha256": sha256},
        as_json=as_json,
        lines=[f"{out}  {sha256}"],
    )

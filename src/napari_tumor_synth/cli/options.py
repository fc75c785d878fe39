"""Options that several verbs have, and how lists in them are read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

SizeOption = Annotated[int, typer.Option(min=8, max=512, help="Edge of the box in voxels.")]
SpacingOption = Annotated[float, typer.Option(min=0.1, max=10, help="Voxel edge in mm.")]
LabelsOption = Annotated[
    str, typer.Option(help="Labels that count as tumour, e.g. 1,4; default: all.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(help="Name in the catalogue, checkpoint file or run folder; default: the first."),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help="auto, float32, bfloat16 or int8: of the weights; auto is the fastest that held."
    ),
]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Processes; default: all cores.")]


def parse_names(text: str) -> tuple[str, ...]:
    """Read ``"flair,t1ce"``."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_labels(text: str) -> tuple[int, ...] | None:
    """Read ``"1,4"``; None when nothing is named."""
    if not text.strip():
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a list of whole numbers such as 1,4.", param_hint="--labels"
        ) from None


def parse_sequences(texts: Sequence[str], *, besides: str) -> dict[str, Path]:
    """Read ``["t1ce=FILE"]``; a sequence comes once."""
    found: dict[str, Path] = {}
    for text in texts:
        name, sign, path = text.partition("=")
        if not (sign and name and path) or name in found or name == besides:
            raise typer.BadParameter(
                f"{text!r} does not name a further sequence and its file, such as t1ce=FILE.",
                param_hint="--add",
            )
        found[name] = Path(path)
    return found

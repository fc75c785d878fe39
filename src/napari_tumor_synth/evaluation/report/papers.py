"""Our figures in the layout of the papers' tables, with the papers' own beside.

The papers' figures are of other data (and mostly of other definitions): they are printed so that
the order of magnitude can be compared, and are marked so.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.report.document import Cell, Table

_OTHER = "other data: "


@cache
def paper_tables() -> dict[str, dict[str, Any]]:
    """Return all tables by name: ``cite``, ``about``, ``columns``, ``keys``, ``rows``..."""
    return tomllib.loads(files(__package__).joinpath("papers.toml").read_text("utf-8"))


def tables_named(name: str) -> list[str]:
    """Return the tables that a name means: one, or one a class.

    Raises
    ------
    InputError
        There is none of this name.
    """
    found = [one for one in paper_tables() if one == name or one.startswith(f"{name}-")]
    if not found:
        names = sorted({_of_all_classes(one) for one in paper_tables()})
        raise InputError(f"There is no table {name}.", f"Choose among {', '.join(names)}.")
    return found


def _of_all_classes(name: str) -> str:
    return name.removesuffix("-LGG").removesuffix("-HGG")


def class_of_table(name: str) -> str | None:
    """Return the class that a table is about; None for one of a whole set."""
    found: str | None = paper_tables()[name].get("class")
    return found


def paper_table(
    name: str, ours: Mapping[str, float | None], real: Mapping[str, float | None], label: str
) -> Table:
    """Return a paper's table with rows of our own above the paper's.

    Parameters
    ----------
    name : str
        Of `paper_tables`.
    ours, real : mapping of str to float or None
        Figures of the synthetic set, and what real ROIs have among themselves, by key.
    label : str
        Of the synthetic set, with n.
    """
    paper = paper_tables()[name]
    scales = paper.get("scale", [1] * len(paper["keys"]))

    def row(label: str, figures: Mapping[str, float | None]) -> tuple[Cell, ...]:
        cells = [figures.get(key) for key in paper["keys"][1:]]
        scaled = (
            None if cell is None else cell * scale
            for cell, scale in zip(cells, scales[1:], strict=True)
        )
        return (label, *scaled)

    rows = [row(label, ours)]
    if any(real.get(key) is not None for key in paper["keys"]):
        rows.append(row("this evaluation: real against real", real))
    theirs = [
        (f"{_OTHER}{line[0]}", *(None if cell == "" else float(cell) for cell in line[1:]))
        for line in paper["rows"]
    ]
    return Table(
        f"layout_{name}",
        f"{paper['cite']}. Rows marked as other data are the paper's: {paper['about']}.",
        tuple(paper["columns"]),
        (*rows, *theirs),
    )

"""What a report holds, before it is written in one form or another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from napari_tumor_synth.evaluation.measured import Measured

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns.

    Attributes
    ----------
    name : str
        Of its CSV file, without a suffix.
    caption : str
    columns : tuple of str
    rows : tuple of tuple
        As many cells each as there are columns. None is shown as a dash.
    in_page : bool
        Whether the page shows it; otherwise it links to the CSV file only.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    in_page: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture.

    Attributes
    ----------
    name : str
        Of its file, without a suffix.
    caption : str
        Read to those who do not see it as well.
    png : bytes
    """

    name: str
    caption: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report.

    Attributes
    ----------
    title : str
    paragraphs : tuple of str
    tables, pictures : tuple
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes
    ----------
    title : str
    notices : tuple of str
        What must not be overlooked, above all else.
    sections : tuple of Section
    data : dict
        Everything that was measured, for ``report.json``.
    """

    title: str
    notices: tuple[str, ...]
    sections: tuple[Section, ...]
    data: dict[str, Any] = field(default_factory=dict)


MEASURED_COLUMNS = ("figure", "value", "low", "high", "n", "definition", "note")


def table_of(name: str, caption: str, figures: Iterable[Measured]) -> Table:
    """Return figures as a table, definitions and all."""
    return Table(
        name,
        caption,
        MEASURED_COLUMNS,
        tuple(
            (
                figure.name,
                figure.value,
                figure.low,
                figure.high,
                figure.n,
                figure.definition,
                figure.note,
            )
            for figure in figures
        ),
    )


def as_shown(cell: Cell) -> str:
    """Return a cell as a reader sees it: four significant digits, a dash for nothing."""
    if cell is None or cell == "":
        return "–"
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) < 10_000 else f"{cell:.0f}"
    return str(cell)


def require_distinct(names: Sequence[str]) -> None:
    """Make sure that no file of a report replaces another.

    Raises
    ------
    ValueError
        Two have one name.
    """
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise ValueError(f"two parts of the report are called {twice[0]}")

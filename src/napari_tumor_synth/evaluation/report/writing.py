"""Write a report: ``report.html`` with its pictures, a CSV file a table, and ``report.json``."""

import csv
import io
import shutil
from base64 import b64encode
from pathlib import Path
from tempfile import mkdtemp

from jinja2 import Environment, PackageLoader, StrictUndefined

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.evaluation.report.document import (
    Cell,
    Report,
    Table,
    as_shown,
    require_distinct,
)
from napari_tumor_synth.files import writable_folder, write_json

HTML, JSON, TABLES, PICTURES = "report.html", "report.json", "tables", "pictures"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
PARTS = (TABLES, PICTURES, JSON, HTML)


def write_report(report: Report, folder: Path) -> Path:
    """Write a report to a folder, in place of an earlier one, and return its HTML file.

    All is written beside first, so that an earlier report stays if this one fails.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    require_distinct([table.name for section in report.sections for table in section.tables])
    require_distinct([one.name for section in report.sections for one in section.pictures])
    writable_folder(folder)
    try:
        new = Path(mkdtemp(prefix=".writing-", dir=folder))
        try:
            _write(report, new)
            for part in PARTS:
                _replace(folder / part, new / part)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"Cannot write the report to {folder}: {error.strerror or error}.",
            "Choose a folder that you may write to and that has free space.",
        ) from error
    return folder / HTML


def _write(report: Report, folder: Path) -> None:
    (folder / TABLES).mkdir()
    (folder / PICTURES).mkdir()
    for section in report.sections:
        for table in section.tables:
            (folder / TABLES / f"{table.name}.csv").write_text(_csv(table), "utf-8", newline="")
        for picture in section.pictures:
            (folder / PICTURES / f"{picture.name}.png").write_bytes(picture.png)
    write_json(folder / JSON, report.data)
    (folder / HTML).write_text(_html(report), "utf-8")


def _replace(target: Path, new: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    new.replace(target)


def _csv(table: Table) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(table.columns)
    writer.writerows([_harmless(cell) for cell in row] for row in table.rows)
    return stream.getvalue()


def _harmless(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet takes for a formula, whatever was typed or named."""
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _html(report: Report) -> str:
    environment = Environment(
        loader=PackageLoader(__package__, ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True,
    )  # fmt: skip
    environment.filters["shown"] = as_shown
    environment.filters["base64"] = lambda content: b64encode(content).decode()
    return environment.get_template("template.html").render(report=report)

"""`tumor-synth study`: visual Turing tests."""

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_tumor_synth.cli.console import JsonOption, progress_bar, report, warn
from napari_tumor_synth.cli.options import parse_names
from napari_tumor_synth.study.scale import Task


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        no_args_is_help=True, help="Visual Turing tests: are ROIs real or synthetic?"
    )
    group.command("new")(new)
    group.command("read")(read)
    group.command("report")(report_)
    group.command("power")(power)
    app.add_typer(group, name="study")


def new(
    real: Annotated[
        Path, typer.Option(help="Prepared cohort of real cases, on the generator's grid.")
    ],
    synthetic: Annotated[
        list[str], typer.Option(help="Folder of samples, or NAME=FOLDER; one a generator.")
    ],
    out: Annotated[Path, typer.Option(help="Study folder, for readers.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="Key file, not for readers.", show_default="beside the study: OUT.key.json"
        ),
    ] = None,
    design: Annotated[
        Path | None, typer.Option(help="JSON with a design; options below override it.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="single or 2afc (pairs).")] = None,
    readers: Annotated[
        str, typer.Option(help="Codes, e.g. R1,R2, not names.", show_default="R1 to R6")
    ] = "",
    real_cases: Annotated[int | None, typer.Option("--cases", help="Real cases: 60.")] = None,
    synthetic_cases: Annotated[
        int | None, typer.Option(help="Cases of each generator: 60.")
    ] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds a case: none.")] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Of the cohort: train, validation or test; may be repeated: all."),
    ] = None,
    sequence: Annotated[str | None, typer.Option(help="That is shown: the first.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a blinded study: display copies under tokens, orders for readers, and a key.

    The key file alone tells real from synthetic: keep it from readers. What may give cases away
    besides the tumour is looked for, and told.

    Example: tumor-synth study new --real cache --synthetic samples --out study --split test
    """
    from napari_tumor_synth.workflows.study_new import (
        StudyRequest,
        design_from,
        lines_of,
        new_study,
        parse_pool,
    )

    changes: dict[str, Any] = {
        "task": task, "readers": parse_names(readers) if readers else None, "real": real_cases,
        "synthetic": synthetic_cases, "time_limit_s": time_limit,
    }  # fmt: skip
    request = StudyRequest(
        design=design_from(design, {name: one for name, one in changes.items() if one is not None}),
        real=real,
        synthetic=tuple(parse_pool(text) for text in synthetic),
        out=out,
        key=key,
        sequence=sequence,
        splits=tuple(split or ()),
    )
    with progress_bar("Making") as on_progress:
        made = new_study(request, on_progress)
    for sentence in (*made.audit.warnings, *made.doubts):
        warn(sentence)
    report(
        {
            "study": str(out),
            "key": str(made.key),
            "study_id": made.study.file.study_id,
            "readers": list(made.study.file.design.readers),
            "cases": len(made.study.file.readers[0].presentations),
            "leak_audit": made.audit.as_json(),
            "doubts": list(made.doubts),
        },
        as_json=as_json,
        lines=lines_of(made),
    )


def read(
    study: Annotated[Path, typer.Argument(help="Study folder.")],
    reader: Annotated[str | None, typer.Option(help="Code of the reader.")] = None,
    window: Annotated[bool, typer.Option("--window", help="Do not fill the screen.")] = False,
) -> None:
    """Open the reading window; a reading that was stopped goes on at the same case.

    Example: tumor-synth study read study --reader R1
    """
    from napari_tumor_synth.workflows.study_read import choose_reader, read_study

    status = read_study(study, choose_reader(study, reader), fill_screen=not window)
    if status:
        raise typer.Exit(status if status > 0 else 1)


def report_(
    study: Annotated[Path, typer.Argument(help="Study folder, with the logs of all readers.")],
    key: Annotated[Path, typer.Option(help="Its key file.")],
    out: Annotated[Path, typer.Option(help="Folder of the report.")],
    as_json: JsonOption = False,
) -> None:
    """Unblind a study and write its report (HTML, CSV, JSON); that it was done is written down.

    Example: tumor-synth study report study --key study.key.json --out report
    """
    from napari_tumor_synth.workflows.study_report import report_on_study

    found = report_on_study(study, key, out)
    report(
        {"report": str(found.html), **found.data},
        as_json=as_json,
        lines=[*found.lines, f"report  {found.html}"],
    )


def power(
    cases: Annotated[
        int, typer.Option(min=2, help="Answers of each reader about one generator.")
    ] = 120,
    readers: Annotated[int, typer.Option(min=1, max=1000, help="How many readers.")] = 6,
    margin: Annotated[
        float, typer.Option(min=0.01, max=0.49, help="From one half that counts as guessing.")
    ] = 0.1,
    task: Annotated[Task, typer.Option(help="single, or 2afc for pairs.")] = "single",
    as_json: JsonOption = False,
) -> None:
    """Tell what a number of readers and cases can show, before a study is made.

    Example: tumor-synth study power --cases 120 --readers 6
    """
    from napari_tumor_synth.workflows.study_power import power_lines, power_of

    found = power_of(cases, readers, margin, task)
    report(found, as_json=as_json, lines=power_lines(found))

"""`tumor-synth doctor`: is this machine ready."""

from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    as_json: JsonOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a check fails.")] = False,
) -> None:
    """Check versions, devices (a real 3D convolution), memory, Qt, models and folders.

    Nothing is changed or left behind. The exit code is 0 whatever is found, unless --strict.

    Example: tumor-synth doctor
    """
    from napari_tumor_synth.workflows.doctor import examine

    checks = examine()
    report(
        {"checks": [check.as_json() for check in checks], "ok": all(c.ok for c in checks)},
        as_json=as_json,
        lines=[f"{'ok  ' if c.ok else 'FAIL'} {c.name:<22} {c.detail}" for c in checks],
    )
    if strict and not all(check.ok for check in checks):
        raise typer.Exit(1)

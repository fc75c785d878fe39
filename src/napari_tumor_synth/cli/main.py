"""The `tumor-synth` command."""

import atexit
import gc
import sys
from typing import Annotated

import typer

from napari_tumor_synth import __version__
from napari_tumor_synth.cli import (
    demo,
    doctor,
    evaluate,
    export,
    gallery,
    generate,
    inspect_roi,
    models,
    phantom,
    prepare,
    roi,
    runs,
    study,
    train,
)
from napari_tumor_synth.cli.console import run_face, talk

app = typer.Typer(
    name="tumor-synth",
    help=(
        "Synthetic 3D brain-tumour MRI regions of interest. Not for clinical use.\n\n"
        "Results go to stdout, everything else to stderr. --debug and --quiet may also stand "
        "behind the verb. Exit codes: 0; 1 when `doctor --strict` finds a fault; 2 for bad input, "
        "or results that cannot be written; 130 when stopped."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_options = {"debug": False}
_ANYWHERE = ("--debug", "--quiet")


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"{__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of a failure.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print warnings, errors and --json only.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    _options["debug"] = debug
    talk.quiet = quiet


for verbs in (
    roi,
    phantom,
    prepare,
    models,
    generate,
    train,
    runs,
    evaluate,
    study,
    export,
    inspect_roi,
    gallery,
    doctor,
    demo,
):
    verbs.add_to(app)


def main(arguments: list[str] | None = None) -> None:
    """Run `tumor-synth` and end the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    atexit.register(gc.freeze)  # nothing is left to search for: the end of the process frees it all
    common = [option for option in _ANYWHERE if option in given]
    ordered = [*common, *(argument for argument in given if argument not in common)]
    sys.exit(
        run_face(
            lambda: app(args=ordered, prog_name="tumor-synth", standalone_mode=False),
            debug=lambda: _options["debug"],
        )
    )

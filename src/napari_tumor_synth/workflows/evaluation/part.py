"""A part of an evaluation: what it measured, and how the report says it."""

from dataclasses import dataclass, field
from typing import Any

from napari_tumor_synth.evaluation.report.document import Section
from napari_tumor_synth.progress import OnProgress, Progress

EVERY = ""
"""Stands for a group in the layout of figures that belong to no group."""


@dataclass(frozen=True)
class Part:
    """What one part has found.

    Attributes
    ----------
    name : str
        In ``report.json``.
    section : Section
    data : dict
    lines : tuple of str
        The gist, for a terminal.
    layout : dict of (str, str, str) to float or None
        Figures of the papers' layouts, by group (or `EVERY`), whose they are ("synthetic" or
        "real") and key.
    """

    name: str
    section: Section
    data: dict[str, Any]
    lines: tuple[str, ...] = ()
    layout: dict[tuple[str, str, str], float | None] = field(default_factory=dict)


def told_as(on_progress: OnProgress, what: str) -> OnProgress:
    """Report the progress of a part with what it is about."""

    def report(progress: Progress) -> None:
        message = f"{what}: {progress.message}"
        on_progress(Progress(progress.step, progress.total, message, progress.preview))

    return report

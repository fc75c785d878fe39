"""Unblind a study: needs its key, and is written down."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.evaluation.report.writing import write_report
from napari_tumor_synth.study.event_chain import beginning_of, read_log
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.reading_log import ReadingLog
from napari_tumor_synth.study.report.build import build_report
from napari_tumor_synth.study.study_file import Study

UNBLINDING = "unblinding"


@dataclass(frozen=True, slots=True)
class StudyReport:
    """A report that was written.

    Attributes
    ----------
    html : Path
    lines : tuple of str
        What it comes to, in sentences.
    data : dict
        What ``report.json`` holds.
    """

    html: Path
    lines: tuple[str, ...]
    data: dict[str, Any]


def report_on_study(folder: Path, key: Path, out: Path) -> StudyReport:
    """Read all logs of a study, and write its report.

    That the key was used is written to ``unblinding.jsonl`` in the study folder before anything is
    told: a study that was looked into before its readings were finished shows it.

    Parameters
    ----------
    folder : Path
        Of the study, with the logs of all readers below ``readings``.
    key : Path
    out : Path
        Folder of the report; not in the study folder, where readers would find it.

    Raises
    ------
    StudyError
        Study, key and logs do not belong together, or one was altered; nobody has rated a case.
    OutputError
        The report or the note of it cannot be written.
    """
    study = Study.open(folder)
    told = read_key_file(key, study.file)
    if out.resolve().is_relative_to(folder.resolve()):
        raise StudyError(
            f"The report would lie in the study folder {folder}, where readers find it.",
            "Choose another folder for the report.",
        )
    noted, beginning = folder / f"{UNBLINDING}.jsonl", beginning_of(study.file.sha256, UNBLINDING)
    before = read_log(noted, beginning) if noted.exists() else []
    early = sum(not all(event["finished"].values()) for event in before)
    report = build_report(study, told, early)
    finished = dict.fromkeys((plan.reader for plan in study.file.readers), False)
    finished |= {one["reader"]: one["finished"] for one in report.data["readings"]}
    log = ReadingLog(noted, beginning)
    try:
        log.append("unblinded", finished=finished)
    finally:
        log.close()
    html = write_report(report, out)
    return StudyReport(html, report.sections[0].paragraphs, report.data)

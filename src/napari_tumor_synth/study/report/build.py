"""A study's report, put together."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np

from napari_tumor_synth import __version__
from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.evaluation.report.document import Report, Section
from napari_tumor_synth.generators.provenance import now
from napari_tumor_synth.study.analysis import analyse
from napari_tumor_synth.study.answers_table import StudyAnswers, gather
from napari_tumor_synth.study.exports import imrmc_table, long_table, matrix_table
from napari_tumor_synth.study.findings import Analysis
from napari_tumor_synth.study.key_file import KeyFile, KeyImage
from napari_tumor_synth.study.matrices import first_answers
from napari_tumor_synth.study.report.about import audit, flow, limits
from napari_tumor_synth.study.report.cases import cases
from napari_tumor_synth.study.report.results import (
    agreement,
    course,
    each_reader,
    readers_together,
)
from napari_tumor_synth.study.study_file import Study, StudyFile


def build_report(study: Study, key: KeyFile, looked_before: int = 0) -> Report:
    """Unblind a study and say what its answers show.

    Parameters
    ----------
    study : Study
        With the reading logs of its readers.
    key : KeyFile
        Its own.
    looked_before : int
        How often the study was unblinded before its readings were finished.

    Raises
    ------
    StudyError
        Nobody has rated a case, a log is not sound, or a display copy was altered.
    """
    study.require_whole()
    answers = gather(study, key)
    if not any(row.rating is not None for row in first_answers(answers.rows)):
        raise StudyError(
            f"No case of {study.folder} has been rated yet.",
            "Let readers read first: tumor-synth study read.",
        )
    design = study.file.design
    found = analyse(answers.rows, design.task, design.margin)
    exported = [long_table(answers.rows), matrix_table(answers.rows, design.task)]
    if design.task == "single":
        exported.append(imrmc_table(answers.rows))
        imrmc = "The file for iMRMC has a modality a generator."
    else:
        imrmc = "There is no file for iMRMC: the halves of a pair are no two observations."
    return Report(
        design.title,
        _notices(study, answers, key, looked_before),
        (
            readers_together(found, answers.rows),
            flow(study.file, answers, _kinds(study.file, key)),
            audit(key.leak_audit),
            each_reader(found),
            agreement(found),
            course(found, answers.rows),
            cases(found, study),
            limits(study.file, *_cases_of_a_reader(study.file, key)),
            Section(
                "Data",
                (f"Answers for other programs. {imrmc}",),
                tuple(exported),
            ),
        ),
        _data(study, answers, found, key),
    )


def _shown_once(study: StudyFile, key: KeyFile) -> list[KeyImage]:
    """Return what a reader sees of scored cases, without repeats."""
    shown = [token for one in study.readers[0].presentations for token in one.images]
    return [key.images[token] for token in shown if not key.images[token].is_repeat]


def _kinds(study: StudyFile, key: KeyFile) -> dict[str, int]:
    """Return how many ROIs of each kind and class a reader sees."""
    kinds = [f"{one.generator or 'real'}, {one.class_name}" for one in _shown_once(study, key)]
    return dict(sorted(Counter(kinds).items()))


def _cases_of_a_reader(study: StudyFile, key: KeyFile) -> tuple[int, int]:
    """Return how many real cases a reader sees once, and how many of the rarest generator."""
    images = _shown_once(study, key)
    fewest = min(Counter(one.generator for one in images if one.generator).values())
    if study.design.task == "2afc":
        return fewest, fewest
    return sum(one.truth == "real" for one in images), fewest


def _notices(
    study: Study, answers: StudyAnswers, key: KeyFile, looked_before: int
) -> tuple[str, ...]:
    told = ["This report tells real from synthetic: keep it from readers who have not finished."]
    unfinished = [reading.reader for reading in answers.readings if not reading.finished]
    if unfinished:
        told.append(f"Not finished: {', '.join(unfinished)}. Figures will change.")
    begun = {reading.reader for reading in answers.readings}
    missing = [plan.reader for plan in study.file.readers if plan.reader not in begun]
    if missing:
        told.append(f"Not begun: {', '.join(missing)}.")
    if looked_before:
        told.append(
            f"Unblinded {looked_before} time{'s' if looked_before > 1 else ''} before all readings "
            "were finished: readings that went on because of what was seen are no planned study."
        )
    told.extend(f"Leak audit: {sentence}" for sentence in key.leak_audit.get("warnings", ()))
    told.extend(key.doubts)
    told.append("Synthetic ROIs, research use only, not for clinical use.")
    return tuple(told)


def _data(study: Study, answers: StudyAnswers, found: Analysis, key: KeyFile) -> dict[str, Any]:
    content: dict[str, Any] = plain(asdict(found))
    content["contrasts"] = [
        {"first": first, "second": second, "difference": one.difference, **plain(asdict(one))}
        for (first, second), one in found.contrasts.items()
    ]
    return {
        "study_id": study.file.study_id,
        "study_sha256": study.file.sha256,
        "created": study.file.created,
        "software": study.file.software,
        "reported": now(),
        "reported_with": {"napari-tumor-synth": __version__},
        "design": study.file.design.model_dump(mode="json"),
        "display": study.file.display.model_dump(mode="json"),
        "leak_audit": key.leak_audit,
        "readings": [plain(asdict(reading)) for reading in answers.readings],
        **content,
    }


def plain(value: Any) -> Any:
    """Return what JSON can hold: infinite and missing numbers become None."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items() if not isinstance(name, tuple)}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value

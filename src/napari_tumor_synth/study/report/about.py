"""What was planned and done, what may have given cases away, and what such a study can show."""

from collections.abc import Mapping
from typing import Any

from napari_tumor_synth.evaluation.report.document import Cell, Section, Table
from napari_tumor_synth.study.answers_table import ReaderReading, StudyAnswers
from napari_tumor_synth.study.scale import QUESTIONS
from napari_tumor_synth.study.statistics.power import (
    answers_as_balanced,
    many_readers,
    one_reader,
)
from napari_tumor_synth.study.study_file import StudyFile

_MARGINS = (0.05, 0.1, 0.15)


def flow(study: StudyFile, answers: StudyAnswers, kinds: Mapping[str, int]) -> Section:
    """Say what was planned, and how far it got.

    Parameters
    ----------
    study : StudyFile
    answers : StudyAnswers
    kinds : mapping of str to int
        How many scored cases each reader sees once, by generator and class.
    """
    design = study.design
    begun = {reading.reader: reading for reading in answers.readings}
    planned = len(study.readers[0].presentations)
    rows = tuple(
        _flow_row(plan.reader, len(plan.presentations), begun.get(plan.reader))
        for plan in study.readers
    )
    told = [
        f"{QUESTIONS[design.task]} Six degrees, none of them neutral. {len(study.readers)} readers "
        f"were planned, {planned} cases each with repeats; cases with feedback before, which "
        f"do not count: {len(study.training)}.",
        f"Readers were told: “{design.prevalence}”" if design.prevalence
        else "Readers were not told how many cases are synthetic.",
        f"All ROIs were shown as {' x '.join(map(str, study.display.shape))} voxels of "
        f"{study.display.spacing_mm:g} mm, {study.display.sequence}, in {study.display.levels} "
        f"grey levels; {design.edge_voxels} layers of voxels were taken off the edges.",
    ]  # fmt: skip
    columns = (
        "reader", "planned", "answered", "repeats", "rated", "could not judge", "finished",
        "sessions", "clock set back", "seal",
    )  # fmt: skip
    said = tuple(
        (reading.reader, name, text)
        for reading in answers.readings
        for name, text in reading.about.items()
        if text
    )
    tables = [_plan(study, kinds), Table("flow", "From plan to answers.", columns, rows)]
    if said:
        tables.append(
            Table("readers", "What readers said of themselves.", ("reader", "asked", "said"), said)
        )
    return Section("What was done", tuple(told), tuple(tables))


def _plan(study: StudyFile, kinds: Mapping[str, int]) -> Table:
    """Return the plan as it was fixed when the study was made."""
    design, program = study.design, study.software
    rows: list[tuple[Cell, ...]] = [
        ("study", study.study_id),
        ("SHA-256 of study.json", study.sha256),
        ("made", f"{study.created}, {', '.join(f'{a} {b}' for a, b in program.items())}"),
        ("task", design.task),
        *((f"cases: {kind}", count) for kind, count in kinds.items()),
        ("training cases", len(study.training)),
        ("blocks", len(study.readers[0].blocks)),
        ("repeats", f"{100 * design.repeats:g} %, at least {design.repeat_spacing} cases later"),
        ("longest run of one answer", design.longest_run),
        ("time limit", "none" if design.time_limit_s is None else f"{design.time_limit_s:g} s"),
        ("going back within a block", "yes" if design.allow_back else "no"),
        ("3D view", "yes" if design.allow_3d else "no"),
        ("margin of guessing", f"± {100 * design.margin:g} percentage points, set beforehand"),
        ("information", design.information),
        ("consent", design.consent or "none was asked for"),
    ]
    return Table("design", "The plan, as it was fixed.", ("what", "as planned"), tuple(rows))


def audit(found: Mapping[str, Any]) -> Section:
    """Say what may have told real from synthetic besides the tumour."""
    rows = tuple(
        (generator, leak["what"], leak["area"], leak["by_chance"], leak["sentence"])
        for generator, leaks in found.get("leaks", {}).items()
        for leak in leaks
    )
    return Section(
        "Did anything give cases away?",
        (
            "Small classifiers that know nothing of tumours were trained on exactly what was shown "
            "(and on the files), and asked about cases they had not seen. Where they succeed, "
            "readers may have used the same cue. That they fail shows nothing about other cues.",
        ),
        (
            Table(
                "leak_audit", "Leak audit.",
                ("generator", "property", "AUC", "by chance up to", "meaning"), rows,
            ),
        ),
    )  # fmt: skip


def limits(study: StudyFile, real: int, synthetic: int) -> Section:
    """Say what so many readers and cases can show at all.

    Parameters
    ----------
    study : StudyFile
    real, synthetic : int
        Cases that a reader sees, and those of one generator; of pairs both are the pairs of one.
    """
    design, readers = study.design, len(study.readers)
    answers = real if design.task == "2afc" else answers_as_balanced(real, synthetic)
    one = one_reader(answers, tuple(sorted({*_MARGINS, design.margin})), design.task)
    told = [
        f"Of one generator, one reader gives {answers} answers"
        + (" (counted as half real, half synthetic)" if design.task == "single" else "")
        + ": if half are right, the exact 95 % interval is "
        f"{one.interval[0]:.2f} to {one.interval[1]:.2f}. "
        + (
            "No accuracy is found reliably with so few."
            if one.detectable is None
            else f"Four of five such studies find a true accuracy of {one.detectable:.2f} or more."
        )
    ]
    both = ", by accuracy and area both" if design.task == "single" else ""
    columns: tuple[str, ...] = ("margin", "one reader")
    together: dict[float, float] = {}
    if readers > 1:
        all_ = many_readers(readers, answers, tuple(one.equivalence), design.task)
        together, columns = all_.equivalence, (*columns, f"mean of {readers} readers")
        whose = "readers' true accuracies differ by 0.05 and " if all_.random_readers else ""
        told.append(
            f"Mean of {readers} readers: half the width of its interval is about "
            f"{all_.half_width:.3f}, if {whose}answers of two readers to a case correlate by 0.1 "
            "(assumed)."
        )
    told += [
        "Not to differ significantly from guessing is no proof of being like real: that takes an "
        "equivalence test with enough answers.",
        "A visual Turing test says nothing about how varied synthetic ROIs are, nor whether they "
        "are copies of patients: see `tumor-synth evaluate`.",
    ]
    rows = tuple(
        (f"± {100 * margin:g} %", power, *((together[margin],) if together else ()))
        for margin, power in one.equivalence.items()
    )
    return Section(
        "What this study can show",
        tuple(told),
        (Table("power", f"Power to show that guessing readers guess{both}.", columns, rows),),
    )


def _flow_row(reader: str, planned: int, reading: ReaderReading | None) -> tuple[Cell, ...]:
    if reading is None:
        return reader, planned, 0, 0, 0, 0, "not begun", 0, 0, ""
    finished = "yes" if reading.finished else "no"
    return (
        reader, planned, reading.done, reading.repeats, reading.judged,
        reading.done - reading.judged, finished, reading.sessions, reading.clock_set_back,
        reading.seal,
    )  # fmt: skip

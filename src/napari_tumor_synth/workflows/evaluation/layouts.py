"""The figures of an evaluation in the layouts of the papers' tables."""

from collections.abc import Sequence

from napari_tumor_synth.evaluation.report.document import Section, Table
from napari_tumor_synth.evaluation.report.papers import class_of_table, paper_table, tables_named
from napari_tumor_synth.workflows.evaluation.part import EVERY, Part
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets

EXPLANATION = (
    "Figures of this evaluation above those of the papers. The papers' rows are of other data, and "
    "of other definitions where the papers do not say enough to repeat theirs: FIDs of different "
    "feature extractors, or of different numbers of ROIs, are no rivals. Compare each row with its "
    "own real ROIs: its FID is of as many synthetic ROIs (matched) as theirs is of real ones."
)


def layouts_section(
    names: Sequence[str], sets: EvaluationSets, parts: Sequence[Part]
) -> tuple[Section, ...]:
    """Return the section of the layouts that were asked for, if any were.

    Parameters
    ----------
    names : sequence of str
        As `tables_named` takes them.
    sets : EvaluationSets
    parts : sequence of Part
    """
    figures = {key: value for part in parts for key, value in part.layout.items()}
    groups = {group.name: group for group in sets.groups()}
    whole = next(iter(groups))
    tables: list[Table] = []
    notes = []
    for name in (table for given in names for table in tables_named(given)):
        wanted = class_of_table(name) or whole
        group = groups.get(wanted)
        if group is None:
            notes.append(f"{name}: there are no ROIs of {wanted} on both sides.")
            continue
        ours, real = (
            {
                key: value
                for (of, who, key), value in figures.items()
                if of in (wanted, EVERY) and who == whose
            }
            for whose in ("synthetic", "real")
        )
        tables.append(paper_table(name, ours, real, f"this evaluation: {group.n}"))
    if not names:
        return ()
    return (Section("In the layout of the papers", (EXPLANATION, *notes), tuple(tables)),)

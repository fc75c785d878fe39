"""The part of an evaluation that says whether the set holds copies of real ROIs."""

from napari_tumor_synth.evaluation.measured import in_words
from napari_tumor_synth.evaluation.pseudonyms import Pseudonyms
from napari_tumor_synth.evaluation.report.document import Picture, Section
from napari_tumor_synth.evaluation.report.memorisation_section import (
    all_samples,
    memorisation_section,
)
from napari_tumor_synth.evaluation.report.plots import pairs_sheet
from napari_tumor_synth.evaluation.set_memorisation import SetMemorisation, as_json, study_set
from napari_tumor_synth.progress import OnProgress
from napari_tumor_synth.workflows.evaluation.part import Part, told_as
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets

_PAIRS = 6
_GIST = ("copies of real ROIs", "training cases copied", "membership inference AUC")


def memorisation_part(
    sets: EvaluationSets, seed: int, threads: int | None, on_progress: OnProgress
) -> Part:
    """Say whether the set holds copies of real ROIs."""
    gallery = sets.gallery
    pseudonyms = Pseudonyms(gallery)
    names = sets.synthetic.names
    real_names = [f"real {pseudonyms.of(index)}" for index in range(len(gallery))]
    found = study_set(
        gallery,
        sets.all_synthetic,
        seed=seed,
        threads=threads,
        on_progress=told_as(on_progress, "memorisation"),
    )
    definition = f"{gallery.plan.definition}."
    section = memorisation_section(found, names, real_names, definition)
    whole = Section(
        section.title,
        section.paragraphs,
        (*section.tables, all_samples(found, names, real_names)),
        (*section.pictures, _nearest_pairs(sets, found, real_names)),
    )
    data = as_json(found, names, real_names) | {"definition": str(gallery.plan.definition)}
    gist = [found.figure(name) for name in _GIST]
    lines = tuple(f"{one.name}  {in_words(one)}" for one in gist)
    return Part("memorisation", whole, data, lines)


def _nearest_pairs(sets: EvaluationSets, found: SetMemorisation, real_names: list[str]) -> Picture:
    order = sorted(range(len(found.samples)), key=lambda row: -found.samples[row].score)
    step = max(1, len(order) // _PAIRS)
    # the most similar, and some all the way down to the least
    rows = order[::step][:_PAIRS]
    images, names = sets.all_synthetic, sets.synthetic.names
    pairs = [
        (
            f"{names[row].removeprefix('synthetic_')}: {found.samples[row].score:.3f}",
            images[row],
            real_names[found.samples[row].nearest].removeprefix("real ")[:8],
            sets.gallery.image(found.samples[row].nearest),
        )
        for row in rows
    ]
    caption = (
        "Synthetic ROIs (upper rows) and the real ROI that each is most like (lower rows), in the "
        "same planes, with their foreground 3D-SSIM: the most similar pair first, then every "
        f"{step}th of {len(order)}. Patient's right on the left of the picture."
    )
    other = "nearest real" if sets.gallery.patient_data else "nearest simulated"
    title = f"Generated ROIs and the {other} one of each"
    return Picture(
        "nearest_pairs", caption, pairs_sheet(pairs, sets.synthetic.spacing_mm, title, other)
    )

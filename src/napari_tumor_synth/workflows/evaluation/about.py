"""What was compared: for the head of a report, and for its data."""

from typing import Any

from napari_tumor_synth import __version__
from napari_tumor_synth.evaluation.report.document import Section
from napari_tumor_synth.generators.provenance import now
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets

_REFERENCES = {
    "held-out": "the real ROIs that are held out from training (validation and test)",
    "training": "the real ROIs that the generator learnt from",
    "all": "all real ROIs",
}


def about(sets: EvaluationSets, seed: int) -> dict[str, Any]:
    """Return the sets, their grid and their origin, as JSON."""
    plan, synthetic = sets.gallery.plan, sets.synthetic
    models = {(record.model_name, record.model_sha256) for record in synthetic.records if record}
    return {
        "created": now(),
        "version": __version__,
        "seed": seed,
        "reference": sets.reference,
        "grid": list(plan.settings.size),
        "spacing_mm": plan.settings.spacing_mm,
        "sequences": list(plan.sequences),
        "models": [{"name": name, "sha256": sha256} for name, sha256 in sorted(models)],
        "real": {
            "rois": len(sets.gallery),
            "patients": len(set(sets.gallery.patients)),
            "patient_data": sets.gallery.patient_data,
        },
        "synthetic": {"rois": len(synthetic), "classes": sorted(set(synthetic.classes))},
    }


def summary(sets: EvaluationSets) -> Section:
    """Return the same in words, and what to mind in reading."""
    gallery, synthetic = sets.gallery, sets.synthetic
    counts = {name: synthetic.classes.count(name) for name in sorted(set(synthetic.classes))}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    paragraphs = [
        f"{len(synthetic)} synthetic ROIs ({told}) and {len(gallery)} real ones of "
        f"{len(set(gallery.patients))} patients; {' x '.join(map(str, synthetic.size))} voxels of "
        f"{synthetic.spacing_mm:g} mm, {', '.join(gallery.plan.sequences)}.",
        f"Reference of all distances: {_REFERENCES[sets.reference]}.",
    ]
    if mixes := sets.different_mixes:
        paragraphs.append(
            f"The sets mix classes differently ({mixes}): figures of all classes see that, too. "
            "Read those of each class."
        )
    if same := gallery.same_tumours:
        paragraphs.append(
            f"Pairs of real ROIs of different patients that show the same tumour: {len(same)}. "
            "tumor-synth gallery build names them; they count as one patient."
        )
    if sets.left_out:
        paragraphs.append(
            "Not compared on their own (too few, or of a class that no real ROI has): "
            f"{', '.join(sets.left_out)}."
        )
    return Section("What was compared", tuple(paragraphs))

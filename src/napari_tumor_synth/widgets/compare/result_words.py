"""What is said of the nearest real ROIs: the verdict, and the figures of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tumor_synth.imaging.region import UNNAMED
from napari_tumor_synth.widgets.compare.gallery_words import in_a_window
from napari_tumor_synth.widgets.compare.pair_words import transform_words

if TYPE_CHECKING:
    from napari_tumor_synth.evaluation.memorisation import Verdict
    from napari_tumor_synth.widgets.compare.look_up import Found, Listed

_HEADLINES = {
    "copy": "✖ Copy of a real ROI",
    "close": "⚠ Close to a real ROI",
    "usual": "Usual likeness",
    "not calibrated": "⚠ Not calibrated: this is no all-clear",
}
_NOT_CALIBRATED_COPY = "✖ Not calibrated, but it shows the tumour of a real ROI"
_MAY_FIND_ITSELF = {
    "REAL": "This ROI is of the open case, not synthetic: if the gallery has the case, it finds "
    "itself.",
    "SIMULATED": "This ROI is simulated, not made by a generator: if the gallery has it, it finds "
    "itself.",
    "OPENED": "Its file does not say whether this ROI is synthetic; a real one finds itself.",
}
DEFINITION_TIP = "How the figures are computed: only figures of one definition can be compared."
FIGURES_TIP = (
    "Foreground: mean 3D-SSIM over both tumours, 1 for identical ones.\n"
    "Whole: over the whole box, most of which is background that is always alike.\n"
    "Percentile: of 100 real ROIs, how many have a nearest real one that is less similar."
)


def headline(verdict: Verdict) -> str:
    """Return the verdict in a few words, which are never good news without a calibration."""
    if verdict.name == "not calibrated" and verdict.is_copy:
        return _NOT_CALIBRATED_COPY
    return _HEADLINES[verdict.name]


def verdict_text(found: Found) -> str:
    """Return the verdict with its evidence."""
    parts = [in_a_window(found.verdict.sentence)]
    ratio = found.nearest.distance_ratio
    if ratio is not None:
        told = f"{max(ratio, 0):.2f}"
        parts.append(f"Distance ratio to the nearest of another patient {told}: near 0 for a copy.")
    if found.transforms:
        parts.append(
            f"As it is, the ROI was {found.nearest.searched}. Mirrored, turned and shifted, it was "
            "compared with all coarsely, and with the likeliest exactly."
        )
    else:
        parts.append(f"The ROI was {found.nearest.searched}.")
    if found.query.roi.sequences == UNNAMED:
        sequences = ", ".join(found.gallery.plan.sequences).upper()
        parts.append(f"Its file does not name its sequence: it was taken for {sequences}.")
    if remark := _MAY_FIND_ITSELF.get(found.query.kind):
        parts.append(remark)
    return " ".join(parts)


def row_text(listed: Listed, spacing_mm: float) -> str:
    """Return what the list shows of a real ROI."""
    entry, score = listed.match.entry, listed.match.score
    lines = [
        entry.name,
        f"{entry.class_name}, {entry.split}",
        f"foreground {score.foreground:.3f}, whole {score.whole:.3f}",
        f"percentile {percentile_text(listed.percentile)}",
    ]
    if words := transform_words(listed.match.transform, spacing_mm):
        lines.append(words)
    return "\n".join(lines)


def percentile_text(percentile: float | None) -> str:
    """Return a percentile, or that there is none."""
    return "not calibrated" if percentile is None else f"{percentile:.0f}"


def row_tip(listed: Listed, spacing_mm: float) -> str:
    """Return all that is known of a real ROI in the list."""
    entry, score = listed.match.entry, listed.match.score
    words = transform_words(listed.match.transform, spacing_mm) or "as it is"
    return (
        f"Case {entry.name}, patient {entry.patient}, class {entry.class_name}, "
        f"split {entry.split}\n"
        f"3D-SSIM foreground {score.foreground:.4f}, whole {score.whole:.4f}; "
        f"percentile {percentile_text(listed.percentile)}\n"
        f"The selected ROI was compared {words}.\n\n{FIGURES_TIP}"
    )

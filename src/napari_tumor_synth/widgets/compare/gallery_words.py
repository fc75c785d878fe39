"""What is said of galleries, in the words of the panel."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.widgets.model_choice import grid_text

if TYPE_CHECKING:
    from napari_tumor_synth.evaluation.gallery import Gallery

PATIENT_DATA = (
    "A gallery of patients is patient data: it holds regions cut from their MRI. "
    "Keep its folder as you keep the images themselves."
)
_CALIBRATE = "Calibrate transformed"
_BUILD = "Build it again with “Build a gallery”, into the same folder"
_CONTROLS = {
    "Run tumor-synth gallery build with this folder as --out; a stopped call goes on": (
        "Choose another folder, or build one there with “Build a gallery”; a stopped build goes on"
    ),
    "Run tumor-synth gallery build again with the same folder": _BUILD,
    "tumor-synth gallery build --transforms does": f"tick “{_CALIBRATE}” and build it again",
    "or build one: tumor-synth gallery build": "or build one with “Build a gallery”",
}


def in_a_window(text: str) -> str:
    """Return a text that names controls of the panel, not commands."""
    for command, control in _CONTROLS.items():
        text = text.replace(command, control)
    return text


def for_the_panel(error: TumorSynthError) -> TumorSynthError:
    """Return an error whose remedy names controls of the panel, not commands."""
    remedy = in_a_window(error.remedy)
    return error if remedy == error.remedy else TumorSynthError(error.problem, remedy)


def facts_of(gallery: Gallery) -> str:
    """Return what a user should know of a gallery, in a line or two."""
    plan, entries = gallery.plan, gallery.entries
    classes = Counter(entry.class_name for entry in entries)
    by_class = ", ".join(f"{name} {count}" for name, count in sorted(classes.items()))
    kind, what = ("Patient data", "real ROI") if gallery.patient_data else ("Simulated", "ROI")
    patients = _plural(len(set(gallery.patients)), "patient")
    return (
        f"{kind}: {_plural(len(entries), what)} of {patients} ({by_class})\n"
        f"{', '.join(plan.sequences).upper()}, "
        f"{grid_text(plan.settings.size, plan.settings.spacing_mm)}"
    )


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"

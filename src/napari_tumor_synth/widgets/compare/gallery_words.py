"""What is said of galleries, in the words of the panel."""

from __future__ import annotations

import re
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
_BY_BUTTON = "“Build a gallery”"
_CONTROLS = (
    (r"[Rr]un tumor-synth gallery build with this folder as --out; a stopped call goes on",
     f"Choose another folder, or build one there with {_BY_BUTTON}; a stopped build goes on"),
    (r"tumor-synth gallery build --transforms does",
     f"tick “Calibrate transformed” and build it again with {_BY_BUTTON}"),
    (r"Run tumor-synth gallery build again", f"Build it again with {_BY_BUTTON}"),
    (r"run tumor-synth gallery build again", f"build it again with {_BY_BUTTON}"),
    (r"or build one: tumor-synth gallery build", f"or build one with {_BY_BUTTON}"),
)  # fmt: skip


def in_a_window(text: str) -> str:
    """Return a text that names controls of the panel, not commands."""
    for command, control in _CONTROLS:
        text = re.sub(command, control, text)
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
    same = len(gallery.same_tumours)
    return (
        f"{kind}: {_plural(len(entries), what)} of {patients} ({by_class})\n"
        f"{', '.join(plan.sequences).upper()}, "
        f"{grid_text(plan.settings.size, plan.settings.spacing_mm)}"
        + (f"\n⚠ {_plural(same, 'pair')} of ROIs that show the same tumour" if same else "")
    )


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"

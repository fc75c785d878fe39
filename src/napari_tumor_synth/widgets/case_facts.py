"""What a user is told of an open case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_tumor_synth.imaging.measure import LesionSize
    from napari_tumor_synth.workflows.open_case import OpenCase

FACTS = ("Patient", "Class", "Size", "Spacing", "Stored as", "Lesion", "Diameters")


def facts_of_case(opened: OpenCase, sequence: str, size: LesionSize) -> dict[str, str]:
    """Return a text for each of `FACTS`."""
    image = opened.images[sequence]
    oblique = opened.frame.obliquity_degrees
    stored = "".join(image.source.orientation) if image.source else "RAS"
    return {
        "Patient": opened.case.patient,
        "Class": opened.case.class_name + (" (simulated)" if opened.simulated else ""),
        "Size": " × ".join(map(str, image.shape)) + " voxels",
        "Spacing": " × ".join(f"{value:.3g}" for value in image.spacing) + " mm",
        "Stored as": stored + (f", oblique by {oblique:.1f}°" if oblique else ""),
        "Lesion": f"{size.volume_ml:.1f} ml",
        "Diameters": f"{size.longest_mm:.0f} mm\n"
        f"axial {size.axial_mm:.0f} × {size.perpendicular_mm:.0f} mm",
    }

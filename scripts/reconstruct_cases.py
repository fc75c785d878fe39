"""Reconstruct the ROIs of real cases with a model, as users would; writes aggregate figures.

Every case goes through `tumor-synth roi` and `tumor-synth reconstruct`'s own functions. Only means
and extremes over cases are kept, in docs/models/NAME.real.json, which the model card quotes::

    python scripts/reconstruct_cases.py CASES [--model NAME]

CASES is a folder of cases; left out, TUMOR_SYNTH_REAL_DATA names it.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from napari_tumor_synth.evaluation.fidelity import Fidelity
from napari_tumor_synth.files import write_json
from napari_tumor_synth.generators.catalogue import CatalogueModel, list_models
from napari_tumor_synth.imaging.case import Case
from napari_tumor_synth.imaging.cohort import find_cases
from napari_tumor_synth.workflows.inspect_roi import reconstruct_roi
from napari_tumor_synth.workflows.roi import roi_settings, save_roi_of_case

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    named = os.environ.get("TUMOR_SYNTH_REAL_DATA")
    parser.add_argument("cases", type=Path, nargs="?", default=named and Path(named))
    parser.add_argument("--model", default="phantom-flair-64")
    arguments = parser.parse_args()
    if arguments.cases is None:
        parser.error("name the folder of the real cases, or set TUMOR_SYNTH_REAL_DATA")
    model = next(model for model in list_models() if model.entry.name == arguments.model)
    found: dict[str, list[Fidelity]] = {}
    for case in find_cases(arguments.cases):
        found.setdefault(case.class_name, []).append(measured(case, model))
        sys.stderr.write(f"{sum(map(len, found.values()))} cases\r")
    result = {
        "model": model.entry.name,
        "sha256": model.entry.sha256,
        "classes": {name: summary(figures) for name, figures in sorted(found.items())},
        "all": summary([one for figures in found.values() for one in figures]),
    }
    target = DOCS / "models" / f"{model.entry.name}.real.json"
    write_json(target, result)
    print(target.read_text("utf-8"), end="")


def measured(case: Case, model: CatalogueModel) -> Fidelity:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        images = {name: case.sequences[name] for name in model.entry.sequences}
        settings = roi_settings(model.entry.grid[0], model.entry.spacing_mm)
        _, files = save_roi_of_case(images, case.segmentation, out, settings, stem="case")
        return reconstruct_roi(
            files.sidecar, out / "rebuilt.nii.gz", model=str(model.path)
        ).fidelity


def summary(figures: list[Fidelity]) -> dict[str, Any]:
    rows: dict[str, Any] = {"cases": len(figures)}
    for name in ("psnr_db", "ssim", "foreground_psnr_db", "foreground_ssim"):
        values = [getattr(one, name) for one in figures]
        rows[name] = {
            "mean": round(float(np.mean(values)), 4),
            "least": round(min(values), 4),
            "most": round(max(values), 4),
        }
    return rows


if __name__ == "__main__":
    main()

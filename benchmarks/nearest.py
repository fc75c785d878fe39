"""A gallery on disk: building it, and looking up one ROI, as it is and with transforms.

ROIs are textured ellipsoids of the size of gliomas, on background. The query is one of the real
ROIs, mirrored, turned and shifted where transforms are tried: it is told whether it was found.
"""

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from shared.made_up_cohort import write_cache
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, own_peak, parser, report, summary, timed

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.gallery_manifest import VOLUMES
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.transforms import Transform

HIDDEN = Transform(2, "axial", 30, (4, -3, 2))


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--size", type=int, default=128)
    options.add_argument("--cases", type=int, default=335)
    arguments = options.parse_args(given)
    machine = begin(arguments)
    size, cases = (24, 4) if arguments.small else (arguments.size, arguments.cases)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        images = [made_up_roi(rng, size) for _ in range(cases)]
        cohort = write_cache(Path(folder) / "cohort", images)
        del images
        out = Path(folder) / "gallery"
        started = time.perf_counter()
        build_gallery(cohort, out, threads=machine["threads"])
        building = time.perf_counter() - started
        started = time.perf_counter()
        gallery = Gallery.open(out)
        query = cohort.load(cases // 2)
        look_up = partial(find_nearest, gallery, threads=machine["threads"])
        look_up(query)
        first = time.perf_counter() - started
        hidden = HIDDEN.apply(query)
        found = look_up(hidden, transforms=True).matches[0]  # warms up
        report(
            {
                "benchmark": "nearest",
                "machine": machine,
                "size": size,
                "cases": cases,
                "build": summary([building]),
                "open_and_first": summary([first]),
                "as_it_is": timed(partial(look_up, query), arguments.repeats),
                "transforms": timed(
                    partial(look_up, hidden, transforms=True), arguments.repeats, warm_up=0
                ),
                "hidden_copy_found": found.index == cases // 2,
                "megabytes_a_volume": round(
                    sum(file.stat().st_size for file in (out / VOLUMES).iterdir()) / cases / 1e6, 2
                ),
                "peak_mb": own_peak(),
            }
        )


if __name__ == "__main__":
    main()

"""The Compare panel: from a chosen layer to the list of its nearest real ROIs, and both in view.

Needs a display: xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/compare_panel.py
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shared.made_up_cohort import write_cache
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, own_peak, parser, report, summary

MM = 128.0  # edge of an ROI
PATIENCE_S = 300.0
SWIPES = 20


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=5)
    options.add_argument("--size", type=int, default=128)
    options.add_argument("--cases", type=int, default=335)
    options.add_argument("--gallery", type=Path, help="One that is there; default: a made-up one.")
    arguments = options.parse_args(given)
    size, cases = (24, 4) if arguments.small else (arguments.size, arguments.cases)
    result = {"benchmark": "compare_panel", "machine": begin(arguments)}
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        report({**result, "left_out": "No display: nothing was measured."})
        return
    with tempfile.TemporaryDirectory() as folder:
        gallery = arguments.gallery or _made_up(Path(folder), size, cases)
        report({**result, **_measured(gallery, arguments.repeats)})


def _made_up(folder: Path, size: int, cases: int) -> Path:
    from napari_tumor_synth.evaluation.gallery_build import build_gallery

    rng = np.random.default_rng(0)
    images = [made_up_roi(rng, size) for _ in range(cases)]
    cohort = write_cache(folder / "cohort", images, sequences=("flair",), spacing_mm=MM / size)
    build_gallery(cohort, folder / "gallery")
    return folder / "gallery"


def _measured(folder: Path, repeats: int) -> dict[str, Any]:
    import napari
    from napari.layers import Image
    from shared.event_loop import describe, gaps
    from shared.painting import wait

    from napari_tumor_synth.widgets.workbench import Workbench

    viewer = napari.Viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left")
    bench.show_step("4  Compare")
    panel = bench.compare
    opened = _seconds(
        lambda: panel.open_gallery(folder), lambda: panel.choice.gallery is not None, wait
    )
    plan = panel.choice.gallery.plan
    rng = np.random.default_rng(1)
    place = {"axis_labels": ("S", "A", "R"), "scale": (plan.settings.spacing_mm,) * 3}
    layers = [  # hidden: what napari needs to draw a layer is not the panel's
        Image(made_up_roi(rng, plan.settings.size[0]), name=f"ROI {i}", visible=False, **place)
        for i in range(repeats + 2)
    ]

    def choose(layer: Image) -> None:
        viewer.layers.selection.active = layer

    def is_listed(layer: Image) -> bool:
        return panel.found is not None and panel.found.query.name == layer.name

    first = _seconds(lambda: viewer.add_layer(layers[0]), lambda: is_listed(layers[0]), wait)
    for layer in layers[1:]:
        viewer.add_layer(layer)
    choose(layers[0])
    wait(lambda: is_listed(layers[0]), PATIENCE_S)
    look_ups = [
        _seconds(lambda layer=layer: choose(layer), lambda layer=layer: is_listed(layer), wait)
        for layer in layers[1:-1]
    ]
    choose(layers[-1])
    during = gaps(lambda: is_listed(layers[-1]), PATIENCE_S, strict=True)
    transforms = _seconds(
        panel.transforms.click,
        lambda: panel.found is not None and panel.found.transforms,
        wait,
    )
    shown = _seconds(
        lambda: panel.compare(panel.found.listed[0]),
        lambda: panel.dock.view is not None and panel.dock.view.is_ready and panel.dock.view.pair,
        wait,
    )
    view = panel.dock.view
    next_one = _seconds(
        lambda: panel.compare(panel.found.listed[-1]),
        lambda: view.pair.names[1].startswith(panel.found.listed[-1].match.entry.name),
        wait,
    )
    view.set_mode("swipe")
    lines = view.lines.values()
    swipes = [
        _seconds(
            lambda share=share: view.swipe.setValue(share),
            lambda share=share: {line.share for line in lines} == {share / 100},
            wait,
        )
        for share in range(51, 51 + SWIPES)
    ]
    entries = len(panel.choice.gallery)
    bench.close()
    viewer.close()
    return {
        "size": plan.settings.size[0],
        "cases": entries,
        "open_s": round(opened, 3),
        "first_look_up_s": round(first, 3),
        "look_up": summary(look_ups),
        "with_transforms_s": round(transforms, 3),
        "first_comparison_s": round(shown, 3),
        "next_comparison_s": round(next_one, 3),
        "swipe": summary(swipes),
        "event_loop": {"looking_up_ms": describe(during)},
        "peak_mb": own_peak(),
    }


def _seconds(start: Callable[[], Any], done: Callable[[], Any], wait: Callable[..., None]) -> float:
    """Return how long it takes until something is done, in the window's own loop."""
    begun = time.perf_counter()
    start()
    wait(lambda: bool(done()), PATIENCE_S)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()

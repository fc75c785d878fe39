"""Take all pictures of the guide: the workbench on a simulated case, as a user sees it.

    python scripts/make_screenshots.py [--size 1366x768] [--theme dark] [--run RUN] [--gallery DIR]

The pictures of the Train panel show a run: one of `vqgan-cond-small` on simulated cases. Those of
the Compare panel show a gallery of simulated cases on the grid of the bundled model.
Without a display, run it under a virtual one: xvfb-run -a -s "-screen 0 1920x1200x24" python ...
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.widgets.preferences import preferences, remember_gallery
from napari_tumor_synth.widgets.workbench import Workbench

DOCS = Path(__file__).parent.parent / "docs"
SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DOCS / "images")
    parser.add_argument("--size", default="1366x768", help="of the window, in pixels")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--run", type=Path, help="a finished run, in a folder of runs")
    parser.add_argument("--gallery", type=Path, help="of simulated cases, 64^3 at 2 mm")
    options = parser.parse_args()
    if options.run is not None:
        os.environ["TUMOR_SYNTH_RUNS"] = str(options.run.resolve().parent)
    options.out.mkdir(parents=True, exist_ok=True)
    width, height = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        case, *_ = write_phantoms(Path(folder) / "phantoms", 2, SEED, classes=("HGG", "LGG"))
        viewer = napari.Viewer(title="Tumor Synth", show=True)
        viewer.theme = options.theme
        viewer.window.resize(width, height)
        bench = Workbench(viewer)
        viewer.window.add_dock_widget(bench, area="left", name="Tumor Synth")
        settle()
        ending = "" if (options.size, options.theme) == ("1366x768", "dark") else (
            f"-{options.theme}-{options.size}"
        )  # fmt: skip
        for name in steps(bench, case, options.run, options.gallery):
            settle()
            path = options.out / f"guide-{name}{ending}.png"
            window = bench.window()
            assert window is not None
            window.grab().save(str(path))
            print(path)
        viewer.close()


def steps(bench: Workbench, case: Path, run: Path | None, gallery: Path | None) -> Iterator[str]:
    """Bring the workbench from one picture to the next; give the name of each."""
    bench.case.load([case])
    wait_for(lambda: bench.session.roi is not None)
    bench.roi.as_model.click()
    wait_for(lambda: bench.session.roi is not None and bench.session.roi.shape[0] == 64)
    bench.show_step("1  Case")
    yield "case"
    bench.show_step("2  ROI")
    yield "roi"
    bench.show_step("3  Generate")
    bench.generate.seed.set_value(SEED)
    bench.generate.generate()
    wait_for(lambda: bool(bench.session.samples))
    bench.scene.planes.fit()
    bench.scene.viewer.fit_to_view()
    yield "generate"
    bench.generate.beside.click()
    bench.scene.planes.fit()
    yield "beside"
    bench.generate.beside.click()
    bench.show_step("Importance")
    bench.importance.shown.click()
    wait_for(lambda: "Importance" in bench.scene.viewer.layers)
    bench.scene.planes.fit()
    yield "importance"
    if gallery is not None or run is not None:
        bench.importance.shown.click()
    if gallery is not None:
        yield from steps_of_comparing(bench, gallery.resolve())
    if run is not None:
        yield from steps_of_training(bench, case.parent.parent, run.resolve())


def steps_of_comparing(bench: Workbench, gallery: Path) -> Iterator[str]:
    """Show the nearest of the synthetic ROI, and the first of them in every way."""
    panel = bench.compare
    remembered = preferences().gallery_folder
    panel.open_gallery(gallery)
    wait_for(lambda: panel.choice.gallery is not None and not panel.choice.job.is_running)
    bench.show_step("4  Compare")
    wait_for(lambda: panel.found is not None and not panel.choice.job.is_running)
    panel.compare(panel.found.listed[0])
    wait_for(lambda: panel.dock.view is not None and panel.dock.view.is_ready)
    view = panel.dock.view
    wait_for(lambda: view.pair is not None)
    verdict = panel.headline.mapTo(bench.area.widget(), panel.headline.rect().topLeft())
    bench.area.verticalScrollBar().setValue(verdict.y())
    for mode in ("side", "swipe", "difference"):
        view.set_mode(mode)
        yield f"compare-{mode}"
    panel.dock.close()
    remember_gallery(remembered)


def steps_of_training(bench: Workbench, cohort: Path, run: Path) -> Iterator[str]:
    """Show the form of a new run, and one that has finished."""
    panel = bench.train
    bench.show_step("6  Train")
    panel.form.recipe.set_value("vqgan-cond-small")
    panel.form.data.set_value(cohort)
    wait_for(lambda: "Takes" in panel.form.estimate.text)
    yield "train-new"
    wait_for(lambda: panel.runs.count() > 1)
    panel.runs.choose(run)
    wait_for(lambda: panel.monitor.previews["samples"].isVisible())
    panel.monitor.previews["samples"].click()
    wait_for(lambda: bench.session.preview is not None)
    settle()
    bench.scene.planes.fit()
    bench.scene.viewer.fit_to_view()
    yield "train-run"


def wait_for(done: Callable[[], bool], seconds: float = 120) -> None:
    """Let the window live until something is done."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("the workbench does not get on")
        QApplication.processEvents()
        time.sleep(0.005)


def settle() -> None:
    """Let everything be laid out and drawn, the 3D view too."""
    for _ in range(120):
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main()

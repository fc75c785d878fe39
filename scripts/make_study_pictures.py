"""Take the pictures of the page on reader studies: design, reading and report.

    python scripts/make_study_pictures.py --real COHORT --synthetic SAMPLES [--browser chromium]

The cohort must be of simulated cases, on the grid of the bundled model, and the samples its own.
Without a display, run it under a virtual one: xvfb-run -a -s "-screen 0 1920x1200x24" python ...
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import napari
import numpy as np
from make_screenshots import DOCS, settle, wait_for
from qtpy.QtWidgets import QWidget

from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.making import MadeStudy
from napari_tumor_synth.study.reading import open_reading
from napari_tumor_synth.widgets.reading.window import ReadingWindow
from napari_tumor_synth.widgets.workbench import Workbench
from napari_tumor_synth.workflows.study_new import StudyRequest, design_from, new_study
from napari_tumor_synth.workflows.study_report import report_on_study

SKILLS = (0.6, 0.8, 1.0, 1.2, 1.4, 0.4)
HIGH = 2600  # pixels of the report's page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--synthetic", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DOCS / "images")
    parser.add_argument("--browser", default="", help="that takes pictures of pages: chromium")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        single = made(options, folder / "single", "single")
        pairs = made(options, folder / "pairs", "2afc")
        design(single, options.out)
        reading(single, options.out / "study-reading.png")
        reading(pairs, options.out / "study-reading-pairs.png")
        for number, reader in enumerate(single.study.file.design.readers):
            read_all(single, reader, SKILLS[number])
        report = report_on_study(single.study.folder, single.key, folder / "report")
        if options.browser:
            page(options.browser, report.html, options.out / "study-report.png")


def made(options: argparse.Namespace, out: Path, task: str) -> MadeStudy:
    chosen = {"task": task, "real": 40, "synthetic": 40, "training": 4}
    request = StudyRequest(
        design_from(None, chosen), options.real, ((None, options.synthetic),), out,
        splits=("validation", "test"),
    )  # fmt: skip
    return new_study(request)


def design(made: MadeStudy, out: Path) -> None:
    """Take the panel as it is filled in, and as it is after the study was made."""
    viewer = napari.Viewer(title="Tumor Synth", show=True)
    viewer.window.resize(1366, 1000)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left", name="Tumor Synth")
    bench.show_step("5  Reader study")
    panel = bench.study
    panel.sections["Design"].expand(animate=False)
    panel.design.real.line.setText("prepared")
    panel.design.synthetic.line.setText("samples")
    panel.design.out.line.setText("study")
    save(bench.window(), out / "study-design.png")
    panel._on_made(made)
    panel.reading.study.line.setText(str(made.study.folder))
    save(bench.window(), out / "study-made.png")
    viewer.close()


def reading(made: MadeStudy, path: Path) -> None:
    """Take the reading window with a case that is rated."""
    open_ = open_reading(made.study, made.study.file.design.readers[0])
    window = ReadingWindow(open_)
    window.resize(1366, 768)
    window.show()
    window.activateWindow()
    settle()
    save(window, path.with_name("study-consent.png"))
    window.consent.consent.setChecked(True)
    window.consent.begin.click()
    wait_for(lambda: window.is_on_screen(open_.step))
    window.ask("3d")
    window.ask("rate 4")
    save(window, path)
    window.close()
    (made.study.readings / f"{open_.reader}.jsonl").unlink()


def read_all(made: MadeStudy, reader: str, skill: float) -> None:
    """Answer as a simulated reader of a d' does."""
    rng = np.random.default_rng(list(reader.encode()))
    key = read_key_file(made.key, made.study.file)
    reading = open_reading(made.study, reader)
    reading.agree(experience="simulated")
    while reading.phase != "finished":
        if reading.phase == "break":
            reading.end_break()
        elif reading.phase == "feedback":
            reading.end_feedback()
        else:
            truth = key.images[reading.step.presentation.images[-1]].truth == "synthetic"
            seen = rng.standard_normal() + skill * (truth - 0.5)
            reading.shown()
            reading.rate(1 + int(np.digitize(seen, [-1, -0.4, 0, 0.4, 1])))
            reading.confirm()
    reading.close()


def save(window: QWidget | None, path: Path) -> None:
    assert window is not None
    settle()
    window.grab().save(str(path))
    print(path)


def page(browser: str, html: Path, path: Path) -> None:
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--window-size=1100,{HIGH}", f"--screenshot={path}", html.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    print(path)


if __name__ == "__main__":
    main()

"""The panel of reader studies: a study is made, read in a process of its own, and reported."""

import time

import numpy as np
import pytest
from shared.made_up_cohort import write_cache

from made_up_pools import SIZE, SPACING, made_up_image
from made_up_study import read_all
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from napari_tumor_synth.study.making import MadeStudy
from napari_tumor_synth.study.study_file import Study

pytestmark = pytest.mark.gui
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    """A prepared cohort, and samples of a generator."""
    folder = tmp_path_factory.mktemp("pools")
    splits = ["train"] * 20 + ["test"] * 20
    images = [made_up_image(seed) for seed in range(40)]
    write_cache(folder / "real", images, splits=splits, sequences=("flair",), spacing_mm=SPACING)
    affine = np.diag([SPACING, SPACING, SPACING, 1])
    for number in range(30):
        path = folder / "vqgan" / ("HGG", "LGG")[number % 2] / f"made_{number:03d}.nii.gz"
        path.parent.mkdir(exist_ok=True, parents=True)
        write_volume(Volume(made_up_image(500 + number), affine), path)
    assert SIZE == 24
    return folder


@pytest.fixture
def panel(qtbot):
    from napari_tumor_synth.widgets.session import Session
    from napari_tumor_synth.widgets.study_panel import StudyPanel

    panel = StudyPanel(Session())
    qtbot.addWidget(panel, before_close_func=lambda widget: widget.close_jobs())
    panel.show()
    return panel


def fill_in(panel, pools, folder):
    design = panel.design
    design.real.set_value(pools / "real")
    design.synthetic.set_value(pools / "vqgan")
    design.readers.setText("A, B")
    design.cases.setValue(6)
    design.training.setValue(2)
    design.out.set_value(folder / "study")


def test_from_design_to_report(qtbot, panel, pools, tmp_path):
    fill_in(panel, pools, tmp_path)
    with qtbot.waitSignal(panel.design.made, timeout=PATIENCE_MS):
        panel.design.run.button.click()
    assert "2 readers x" in panel.message.text
    assert "keep it from readers" in panel.message.text
    assert [panel.reading.reader.itemText(at) for at in (0, 1)] == ["A", "B"]
    assert panel.reading.button.isEnabled()
    study = Study.open(tmp_path / "study")
    assert study.file.design.real == 6
    key = tmp_path / "study.key.json"
    assert panel.report.key.value == key
    for reader in "AB":
        read_all(MadeStudy(study, key, None), reader, 1.0)
    panel.report.out.set_value(tmp_path / "report")
    with qtbot.waitSignal(panel.report.said, timeout=PATIENCE_MS):
        panel.report.run.button.click()
    assert "Accuracy was" in panel.message.text
    assert panel.report.open_button.isVisibleTo(panel)
    assert (tmp_path / "report" / "report.html").is_file()


def test_held_out_patients_alone_unless_told(qtbot, panel, pools, tmp_path):
    fill_in(panel, pools, tmp_path)
    panel.design.cases.setValue(22)
    with qtbot.waitSignal(panel.design.failed, timeout=PATIENCE_MS):
        panel.design.run.button.click()
    assert "there are 20 of different patients" in panel.message.text
    assert not (tmp_path / "study").exists()
    panel.design.held_out.setChecked(False)
    panel.design.training.setValue(0)
    with qtbot.waitSignal(panel.design.made, timeout=PATIENCE_MS):
        panel.design.run.button.click()


def test_making_can_be_cancelled_and_leaves_nothing(qtbot, panel, pools, tmp_path, slow_runs):
    fill_in(panel, pools, tmp_path)
    panel.design.run.button.click()
    with qtbot.waitSignal(panel.design.job.progressed, timeout=PATIENCE_MS):
        pass
    with qtbot.waitSignal(panel.design.job.cancelled, timeout=PATIENCE_MS):
        panel.design.run.button.click()
    assert not list(tmp_path.glob("*study*"))
    assert not list(tmp_path.glob(".study*"))


BAD = {
    "needs real cases, synthetic ROIs and a folder": lambda form, folder: form.out.line.clear(),
    "is no prepared cohort": lambda form, folder: form.real.set_value(folder),
    "readers": lambda form, folder: form.readers.setText("a b, c"),
    "two readers have the same code": lambda form, folder: form.readers.setText("a, A"),
    "where readers find it": lambda form, folder: form.key.set_value(folder / "study" / "k.json"),
}


@pytest.mark.parametrize("problem", BAD)
def test_what_cannot_be_made_is_told(qtbot, panel, pools, tmp_path, problem):
    fill_in(panel, pools, tmp_path)
    BAD[problem](panel.design, tmp_path)
    with qtbot.waitSignal(panel.design.failed, timeout=PATIENCE_MS):
        panel.design.run.button.click()
    assert problem in panel.message.text
    assert not list(tmp_path.iterdir())


def test_a_plan_says_what_it_can_show(panel):
    panel.design.cases.setValue(10)
    few = panel.design.power.text()
    panel.design.cases.setValue(300)
    many = panel.design.power.text()
    assert "One reader with 20 answers: interval 0.27 to 0.73" in few
    assert "One reader with 600 answers" in many
    panel.design.task.setCurrentIndex(1)
    assert "One reader with 300 answers" in panel.design.power.text()
    panel.design.synthetic.line.setText("one; other")
    assert "Of each generator: One reader with 300 answers" in panel.design.power.text()
    panel.design.task.setCurrentIndex(0)
    assert "Of each generator: One reader with 600 answers" in panel.design.power.text()
    assert "guess (± 0.1)" in panel.design.power.text()
    panel.design.plan.margin.setValue(5)
    assert "guess (± 0.05)" in panel.design.power.text()
    panel.design.readers.setText("only")
    assert "Mean of" not in panel.design.power.text()


def test_how_it_is_read_is_part_of_the_study(qtbot, panel, pools, tmp_path):
    fill_in(panel, pools, tmp_path)
    plan = panel.design.plan
    plan.title.setText("Gliomas")
    plan.time_limit.setValue(20)
    plan.repeats.setValue(0)
    plan.block_size.setValue(6)
    plan.edge.setValue(1)
    plan.margin.setValue(15)
    plan.allow_back.setChecked(True)
    plan.allow_3d.setChecked(False)
    plan.information.setPlainText("Look.")
    plan.consent.clear()
    with qtbot.waitSignal(panel.design.made, timeout=PATIENCE_MS):
        panel.design.run.button.click()
    design = Study.open(tmp_path / "study").file.design
    assert (design.title, design.time_limit_s, design.repeats) == ("Gliomas", 20, 0)
    assert (design.block_size, design.edge_voxels, design.margin) == (6, 1, 0.15)
    assert (design.allow_back, design.allow_3d) == (True, False)
    assert (design.information, design.consent) == ("Look.", "")
    assert design.prevalence == "About half of the cases are synthetic."


def test_reading_begins_in_a_process_of_its_own(qtbot, panel, pools, tmp_path, monkeypatch):
    from napari_tumor_synth.widgets.study import read_form

    fill_in(panel, pools, tmp_path)
    with qtbot.waitSignal(panel.design.made, timeout=PATIENCE_MS):
        panel.design.run.button.click()
    begun = []
    monkeypatch.setattr(
        read_form.QProcess, "startDetached", lambda *command: (begun.append(command) is None, 1)
    )
    panel.reading.reader.setCurrentText("B")
    panel.reading.button.click()
    ((program, arguments),) = begun
    assert arguments[-4:] == [str(tmp_path / "study"), "--reader", "B", "--tell"]
    assert "python" in program
    assert "B opens in a window of its own" in panel.message.text
    panel.reading.study.set_value(tmp_path)
    assert not panel.reading.button.isEnabled()


def test_the_process_shows_the_window_and_writes_the_log(qtbot, panel, pools, tmp_path):
    """The real process, which is ended as a system ends one."""
    import signal
    import subprocess

    from napari_tumor_synth.workflows.study_read import reading_command

    fill_in(panel, pools, tmp_path)
    with qtbot.waitSignal(panel.design.made, timeout=PATIENCE_MS):
        panel.design.run.button.click()
    command = reading_command(tmp_path / "study", "A", fill_screen=False)
    log = tmp_path / "study" / "readings" / "A.lock"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not log.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1)
        assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGKILL)
    assert log.exists()


def test_every_control_says_what_it_does(panel):
    from qtpy.QtWidgets import (
        QAbstractSpinBox,
        QCheckBox,
        QComboBox,
        QLineEdit,
        QPlainTextEdit,
        QPushButton,
    )

    kinds = (QAbstractSpinBox, QCheckBox, QComboBox, QPlainTextEdit, QPushButton)
    for form in (panel.design, panel.reading, panel.report):
        for kind in kinds:
            for widget in form.findChildren(kind):
                assert widget.toolTip(), widget
        for line in form.findChildren(QLineEdit):
            assert line.toolTip() or line.parent().toolTip(), line

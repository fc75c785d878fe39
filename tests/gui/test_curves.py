"""Curves of a run as they are drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from qtpy.QtGui import QColor, QPalette

from napari_tumor_synth.training.runs.curves import append_rows
from napari_tumor_synth.widgets.training.curve_groups import axes_of, groups_of, thinned
from napari_tumor_synth.widgets.training.curve_view import CurveView
from napari_tumor_synth.workflows.follow_run import RunFollower

pytestmark = pytest.mark.gui

NAMES = (
    "loss", "l1", "feature_matching", "usage 1", "perplexity 1", "validation usage 1",
    "validation psnr", "validation foreground psnr", "validation foreground ssim",
    "validation nats a position", "training nats a position", "critic", "critic real",
    "critic right on real", "critic right on fake",
)  # fmt: skip


@pytest.fixture
def view(qtbot):
    view = CurveView()
    qtbot.addWidget(view)
    view.resize(300, 400)
    view.show()
    return view


@pytest.fixture
def written(tmp_path):
    """Return the curves of a file with known values."""
    (tmp_path / "run.json").write_text("{}")
    for step in (20, 40, 60):
        append_rows(tmp_path / "curves.csv", "autoencoder", step, {"loss": 60 / step, "l1": step})
        append_rows(tmp_path / "curves.csv", "autoencoder", step, {"usage 1": step / 100})
    append_rows(tmp_path / "curves.csv", "transformer", 20, {"loss": 3.0})
    return RunFollower(tmp_path).look().curves


def lines(view):
    return {line.get_label(): line.get_xydata().tolist()
            for axis in view.canvas.figure.axes for line in axis.get_lines()}  # fmt: skip


def test_lines_hold_what_the_file_holds(view, written):
    view.show_curves(written, ("autoencoder", "transformer"))
    assert view.stage.currentText() == "transformer"  # the newest
    assert lines(view) == {"loss": [[20, 3]]}
    view.stage.setCurrentIndex(0)
    view.stage.activated.emit(0)
    assert lines(view) == {
        "loss": [[20, 3], [40, 1.5], [60, 1]],
        "l1": [[20, 20], [40, 40], [60, 60]],
    }
    view.group.setCurrentText("Codebook")
    assert lines(view) == {"level 1": [[20, 0.2], [40, 0.4], [60, 0.6]]}


def test_a_chosen_stage_stays_while_newer_ones_come(view, written):
    first = {key: curve for key, curve in written.items() if key[0] == "autoencoder"}
    view.show_curves(first, ("autoencoder", "transformer"))
    view.stage.activated.emit(0)
    view.show_curves(written, ("autoencoder", "transformer"))
    assert view.stage.currentText() == "autoencoder"


def test_a_log_scale_and_back(view, written):
    view.show_curves(written, ("autoencoder", "transformer"))
    view.log.click()
    assert [axis.get_yscale() for axis in view.canvas.figure.axes] == ["log"]
    view.log.click()
    assert [axis.get_yscale() for axis in view.canvas.figure.axes] == ["linear"]


def test_another_theme_recolours(view, written):
    view.show_curves(written, ("autoencoder", "transformer"))
    figure = view.canvas.figure
    for words, ground in (("#101010", "#fafafa"), ("#f0f0f0", "#202020")):
        palette = QPalette(view.palette())
        palette.setColor(QPalette.ColorRole.WindowText, QColor(words))
        palette.setColor(QPalette.ColorRole.Window, QColor(ground))
        view.canvas.setPalette(palette)
        assert to_hex(figure.get_facecolor()) == ground
        (axis,) = figure.axes
        assert to_hex(axis.spines["left"].get_edgecolor()) == words
        assert to_hex(axis.xaxis.label.get_color()) == words
        assert to_hex(axis.get_lines()[0].get_color()) not in (words, ground)


def test_figures_of_one_kind_share_an_axis():
    assert groups_of(NAMES) == ["Losses", "Codebook", "Held-out ROIs", "Discriminator"]
    shown = {
        (group, axis.title): set(axis.curves) for group in groups_of(NAMES)
        for axis in axes_of(NAMES, group)
    }  # fmt: skip
    assert set.union(*shown.values()) == set(NAMES)
    assert shown["Held-out ROIs", "PSNR (dB)"] == {"validation psnr", "validation foreground psnr"}
    assert shown["Codebook", "Share of codes in use"] == {"usage 1", "validation usage 1"}
    assert shown["Losses", "Losses, mean of 20 steps"] == {"loss", "l1", "feature_matching"}


def test_long_curves_keep_their_peaks_and_ends():
    steps = np.arange(50_000.0)
    values = np.sin(steps / 5000)
    values[31_234], values[40_000] = 9.0, np.nan
    short = thinned(np.array([steps, values]))
    assert short.shape[1] <= 1002
    assert short[1].max() == 9
    assert short[0, [0, -1]].tolist() == [0, 49_999]
    assert np.isfinite(short).all()
    assert (np.diff(short[0]) > 0).all()

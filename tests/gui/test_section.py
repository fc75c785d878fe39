"""Sections leave room for words that wrap."""

import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtWidgets import QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.section import Section

pytestmark = pytest.mark.gui

WORDS = "words that wrap in a narrow dock"


def test_words_that_wrap_are_not_cut(qtbot):
    panel, inner, area = QWidget(), QWidget(), QScrollArea()
    grid = QGridLayout(panel)
    labels = [QLabel(WORDS) for _ in range(4)]
    for label in labels:
        label.setWordWrap(True)
        grid.addWidget(label, grid.rowCount(), 0)
    section = Section("Title", panel)
    column = QVBoxLayout(inner)
    column.addWidget(section)
    column.addStretch(1)
    area.setWidget(inner)
    area.setWidgetResizable(True)
    qtbot.addWidget(area)
    area.resize(140, 120)
    area.show()
    section.expand(animate=False)
    qtbot.waitUntil(lambda: all(one.height() >= one.heightForWidth(one.width()) for one in labels))
    assert labels[0].height() > labels[0].fontMetrics().height() * 1.5, "nothing wrapped"

    labels[-1].setText(" ".join([WORDS] * 5))
    qtbot.waitUntil(lambda: labels[-1].height() >= labels[-1].heightForWidth(labels[-1].width()))

    section.collapse(animate=False)
    qtbot.waitUntil(lambda: section.content().height() == 0)

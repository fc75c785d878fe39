"""What is shown between cases: information and consent, breaks, the end, a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from napari_tumor_synth.study.design import StudyDesign

ABOUT = {
    "experience": "Years of reading brain MRI",
    "specialty": "Specialty",
    "display": "Display and conditions (e.g. diagnostic monitor, dark room)",
}
"""What a reader is asked about himself; all of it may stay empty."""
_WIDTH = 760  # pixels of a text


class WarningLabel(QLabel):
    """Something that went wrong; hidden while nothing has."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setStyleSheet("color: #ff9f43; font-weight: 600;")
        self.setMaximumWidth(_WIDTH)
        self.hide()

    def warn(self, text: str) -> None:
        """Say something; empty says nothing."""
        self.setText(text)
        self.setVisible(bool(text))


class TextPage(QWidget):
    """A text and one button."""

    go_on = Signal()

    def __init__(self, button: str) -> None:
        super().__init__()
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setStyleSheet("font-size: 16px;")
        self.text.setMaximumWidth(_WIDTH)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._warning = WarningLabel()
        self.warn = self._warning.warn
        self.button = QPushButton(button)
        self.button.setMinimumHeight(40)
        self.button.setMaximumWidth(320)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.clicked.connect(self.go_on)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(self.text, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self._warning, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(24)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)
        self.text.setMinimumWidth(_WIDTH)

    def say(self, text: str) -> None:
        """Show a text."""
        self.text.setText(text)
        self.text.setMinimumHeight(self.text.heightForWidth(_WIDTH))  # centred, it has no other
        self.warn("")


class ConsentPage(QWidget):
    """Information, questions about the reader, and consent.

    Parameters
    ----------
    title, information, prevalence, consent : str
        An empty consent asks for none.
    """

    agreed = Signal(dict)

    def __init__(self, title: str, information: str, prevalence: str, consent: str) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        inner = QWidget()
        inner.setMaximumWidth(_WIDTH)
        column = QVBoxLayout(inner)
        column.setSpacing(14)
        for text, style in (
            (title, "font-size: 22px; font-weight: 600;"),
            (information, "font-size: 15px;"),
            (prevalence, "font-size: 15px; font-weight: 600;"),
        ):
            label = QLabel(text)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setStyleSheet(style)
            column.addWidget(label)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        self.fields = {name: QLineEdit() for name in ABOUT}
        for name, field in self.fields.items():
            field.setAcceptDrops(False)
            field.setMinimumHeight(28)
            form.addRow(ABOUT[name], field)
        column.addLayout(form)
        self.consent = QCheckBox("I agree")
        words = QLabel(consent)
        words.setWordWrap(True)
        words.setTextFormat(Qt.TextFormat.PlainText)
        self.begin = QPushButton("Begin")
        self.begin.setMinimumHeight(40)
        if consent:
            column.addWidget(words)
            column.addWidget(self.consent)
            self.begin.setEnabled(False)
            self.consent.toggled.connect(self.begin.setEnabled)
        self.begin.clicked.connect(self._tell)
        warning = WarningLabel()
        self.warn = warning.warn
        column.addWidget(warning)
        column.addWidget(self.begin)
        scroll = QScrollArea()  # information and consent may be long
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        around = QWidget()
        row = QHBoxLayout(around)
        row.addStretch(1)
        row.addWidget(inner, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        inner.setMinimumWidth(640)
        scroll.setWidget(around)
        layout.addWidget(scroll)

    def _tell(self) -> None:
        self.agreed.emit({name: field.text() for name, field in self.fields.items()})


def information_text(design: StudyDesign) -> str:
    """Return what readers are told before they begin, the time limit with it."""
    if design.time_limit_s is None:
        return design.information
    return (
        f"{design.information}\n\nEach case is shown for {design.time_limit_s:g} seconds at most; "
        "it can still be answered after that."
    )


def end_text(done: int, seal: str) -> str:
    """Return what is said when all is done."""
    return (
        f"That was the last case. Thank you! All {done} are saved.\n\nSeal of this reading: {seal}"
        "\nSend it to whoever evaluates the study, apart from the log."
    )


def break_text(done: int, total: int, *, after_training: bool) -> str:
    """Return what is said in a break."""
    if after_training:
        return (
            "The cases to learn the task by are over. From now on answers count, and nothing is "
            f"said about whether they are right. There are {total} cases, with breaks in between."
        )
    return f"{done} of {total} cases are done. Take a break if you like."


def feedback_text(truth: str, rating: str) -> str:
    """Return what is said after a case to learn by."""
    is_ = {
        "real": "This one was real.",
        "synthetic": "This one was synthetic.",
        "left": "The left one was synthetic.",
        "right": "The right one was synthetic.",
    }[truth]
    return f"{is_} You said: {rating}. Look again if you like, then Enter."


def said(rating: int | None, labels: Mapping[int, str]) -> str:
    """Return a rating in words."""
    return "cannot be judged" if rating is None else labels[rating]

"""Where a reader answers: six degrees, reasons, a comment, or why it cannot be judged."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.study.reading_state import Draft
from napari_tumor_synth.study.scale import REASONS


class AnswerBar(QWidget):
    """Shows an answer, and says what was asked for; it changes nothing itself.

    Parameters
    ----------
    question : str
    labels : mapping of int to str
        The degrees.
    """

    rated = Signal(int)
    reasons_given = Signal(list)
    commented = Signal(str)
    cannot_judge = Signal(str)
    confirmed = Signal()

    def __init__(self, question: str, labels: Mapping[int, str]) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        asked = QLabel(question)
        asked.setStyleSheet("font-weight: 600; font-size: 15px;")
        layout.addWidget(asked)
        self._told = QLabel()
        self._told.setWordWrap(True)
        self._told.setTextFormat(Qt.TextFormat.PlainText)
        self._told.setStyleSheet("color: #ff9f43; font-weight: 600;")
        self._told.hide()
        layout.addWidget(self._told)
        self.text, self._asks_why_not, self._draft = QLineEdit(), False, Draft()
        self.unable, self.confirm = QPushButton("Cannot judge (N)"), QPushButton("Confirm (Enter)")
        self.reasons: dict[str, QCheckBox] = {}
        self.degrees: dict[int, QPushButton] = {}
        row = QHBoxLayout()
        group = QButtonGroup(self)
        for degree, label in labels.items():
            button = QPushButton(f"{degree}\n{label}")
            button.setCheckable(True)
            button.setMinimumHeight(48)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda checked=False, degree=degree: self.rated.emit(degree))
            group.addButton(button)
            row.addWidget(button)
            self.degrees[degree] = button
        group.setExclusive(False)
        layout.addLayout(row)
        layout.addLayout(self._why())
        layout.addLayout(self._last())
        for widget in self.findChildren(QWidget):
            if widget is not self.text:
                widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.text.setAcceptDrops(False)

    def begin(self, draft: Draft) -> None:
        """Show what is answered so far of another case."""
        self._draft = draft
        self.leave_text()
        self.show_draft(draft)

    def show_draft(self, draft: Draft) -> None:
        """Show what is answered so far, and nothing else."""
        self._draft = draft
        self.tell("")
        self.tick_as(draft)
        if not self.text.hasFocus() and not self._asks_why_not:
            self.text.setText(draft.cannot_judge or draft.comment)
        self.confirm.setEnabled(draft.is_answer)

    def tick_as(self, draft: Draft) -> None:
        """Let buttons show what is answered so far, whatever was clicked."""
        for degree, button in self.degrees.items():
            button.setChecked(degree == draft.rating)
        for name, box in self.reasons.items():
            box.setChecked(name in draft.reasons)
        self.unable.setChecked(bool(draft.cannot_judge))

    def tell(self, text: str) -> None:
        """Say something above the answers; empty says nothing."""
        self._told.setText(text)
        self._told.setVisible(bool(text))

    def tick(self, number: int) -> None:
        """Tick a reason, or take the tick away."""
        box = list(self.reasons.values())[number]
        box.setChecked(not box.isChecked())
        self._tell_reasons()

    def ask_why_not(self) -> None:
        """Ask why the case cannot be judged."""
        self.tell_text()
        self.unable.setChecked(False)
        self.text.setText(self._draft.cannot_judge)
        self.text.setPlaceholderText("Say here why the case cannot be judged, then Enter")
        self._asks_why_not = True
        self.text.setFocus()

    def ask_no_more(self) -> None:
        """Ask no more why the case cannot be judged: it was."""
        if self._asks_why_not:
            self.leave_text()

    def leave_text(self) -> None:
        """Take back what was typed and not said yet."""
        self._asks_why_not = False
        self._show_what_text_is_for()
        self.text.setText(self._draft.cannot_judge or self._draft.comment)
        self.text.clearFocus()

    def _why(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(QLabel("Because of:"))
        for number, name in enumerate(REASONS, start=1):
            box = QCheckBox(f"{name} (Alt+{number})")
            box.clicked.connect(self._tell_reasons)
            row.addWidget(box)
            self.reasons[name] = box
        row.addStretch(1)
        return row

    def _last(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._show_what_text_is_for()
        self.text.returnPressed.connect(self._on_return)
        self.text.editingFinished.connect(self._keep_comment)
        row.addWidget(self.text, 1)
        self.unable.setCheckable(True)
        self.unable.clicked.connect(self.ask_why_not)
        row.addWidget(self.unable)
        self.confirm.setDefault(True)
        self.confirm.clicked.connect(self.confirmed)
        row.addWidget(self.confirm)
        return row

    def _show_what_text_is_for(self) -> None:
        self.text.setPlaceholderText("Comment (C)")

    def _tell_reasons(self) -> None:
        self.reasons_given.emit([name for name, box in self.reasons.items() if box.isChecked()])

    def _on_return(self) -> None:
        QTimer.singleShot(0, self.text.clearFocus)  # after the key, which goes on to the window
        self.tell_text()

    def _keep_comment(self) -> None:
        """Say a comment when the text is left; a reason only when it is entered."""
        if not self._asks_why_not and not self._draft.cannot_judge:
            self.tell_text()

    def tell_text(self) -> None:
        """Say what was typed, if it is not said yet."""
        text, draft = self.text.text().strip(), self._draft
        why_not = self._asks_why_not or bool(draft.cannot_judge)
        self._asks_why_not = False
        self._show_what_text_is_for()
        if why_not:
            if text and text != draft.cannot_judge:
                self.cannot_judge.emit(text)
        elif text != draft.comment:
            self.commented.emit(text)

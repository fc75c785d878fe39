"""Which generator, and what there is to know about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from napari_tumor_synth.generators.catalogue import CatalogueEntry


class ModelChoice(QWidget):
    """The catalogue, and what there is to know about the chosen model."""

    changed = Signal(object)  # CatalogueEntry or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[CatalogueEntry] = []
        self.list = QComboBox()
        self.list.setToolTip("Generators of the package, of your models folder and of your paths.")
        self._facts = WrappedLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addWidget(self._facts)
        self.list.currentIndexChanged.connect(self._on_chosen)

    @property
    def entry(self) -> CatalogueEntry | None:
        """The chosen model."""
        index = self.list.currentIndex()
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def set_entry(self, entry: CatalogueEntry | None) -> None:
        """Choose a model, if it is offered."""
        if entry is not None and entry != self.entry and entry in self._entries:
            self.list.setCurrentIndex(self._entries.index(entry))

    def set_entries(
        self, entries: list[CatalogueEntry], chosen: CatalogueEntry | None = None
    ) -> None:
        """Offer these models; one that was chosen stays chosen."""
        before = chosen or self.entry
        self._entries = entries
        with QSignalBlocker(self.list):
            self.list.clear()
            self.list.addItems([entry.name for entry in entries])
            names = [entry.name for entry in entries]
            if before is not None and before.name in names:
                self.list.setCurrentIndex(names.index(before.name))
        self._on_chosen()

    def _on_chosen(self, index: int = 0) -> None:
        entry = self.entry
        self._facts.setText("No model is installed." if entry is None else facts_of(entry))
        self.changed.emit(entry)


def facts_of(entry: CatalogueEntry) -> str:
    """Return what a user should know of a model before using it."""
    return "\n".join(
        (
            f"{entry.family}; {', '.join(entry.classes)}; {', '.join(entry.sequences).upper()}; "
            f"{grid_text(entry.grid, entry.spacing_mm)}",
            f"Trained on {entry.training_data}",
            f"Licence {entry.licence}, {entry.megabytes:.1f} MB, "
            f"SHA-256 {entry.sha256[:12]}… (verified before use)",
            memory_text(entry),
        )
    )


def memory_text(entry: CatalogueEntry) -> str:
    """Return how much memory a model takes."""
    if entry.memory_mb is None:
        return "Memory that it takes: not known"
    return f"Takes about {entry.memory_mb / 1000:.2g} GB of memory while it generates"


def grid_text(grid: tuple[int, int, int], spacing_mm: float) -> str:
    """Return a grid for a person, such as "64³ at 2 mm"."""
    size = f"{grid[0]}³" if len(set(grid)) == 1 else " × ".join(map(str, grid))
    return f"{size} at {spacing_mm:g} mm"

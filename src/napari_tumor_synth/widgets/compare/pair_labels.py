"""What stands around the panes of a comparison: names above, words and a place below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from superqt import QElidingLabel

from napari_tumor_synth.widgets.compare.pair_words import mode_words, position_words, titled
from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from napari_tumor_synth.widgets.compare.compare_tools import Mode
    from napari_tumor_synth.widgets.compare.pair import Pair
    from napari_tumor_synth.widgets.planes.crosshair import Position

_EMPTY = "Choose a real ROI in the list of the Compare panel."


class PairLabels:
    """The labels, which whoever shows them lays out.

    Attributes
    ----------
    names : tuple of QElidingLabel
        Of the images: one over each, or both over one.
    words, place : WrappedLabel
    """

    def __init__(self) -> None:
        self.names = (QElidingLabel(), QElidingLabel())
        self.words, self.place = WrappedLabel(), WrappedLabel()
        self.place.setToolTip("Where the crosshair is, and the intensities there.")

    def tell(self, pair: Pair | None, mode: Mode, *, absolute: bool) -> None:
        """Say what is shown, and what was done to it."""
        self.names[1].setVisible(mode == "side")
        over = ["", ""]
        if pair is not None:
            both = [titled(*one) for one in zip(pair.kinds, pair.names, strict=True)]
            over = both if mode == "side" else [" | ".join(both), ""]
        for label, text in zip(self.names, over, strict=True):
            label.setText(text)
            label.setToolTip(text)
        self.words.setText(_EMPTY if pair is None else mode_words(pair, mode, absolute=absolute))

    def tell_place(self, pair: Pair | None, position: Position, channel: int) -> None:
        """Say where the crosshair is."""
        self.place.setText("" if pair is None else position_words(pair, position, channel))

"""The verdict on ROIs that were looked up, as they are and perhaps transformed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.memorisation import Calibration, Verdict, judge
from napari_tumor_synth.evaluation.nearest import Match, Nearest


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the match that it is about."""

    verdict: Verdict
    match: Match


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges ROIs by what is usual in a gallery.

    An ROI that was searched with transforms is judged twice, for each search by real ROIs that were
    searched in the same way, and the stricter verdict counts: looking further must not make a copy
    pass that is one as it is.

    Attributes
    ----------
    as_they_are : Calibration
    transformed : Calibration or None
        None judges ROIs as they are alone.
    """

    as_they_are: Calibration
    transformed: Calibration | None = None

    @classmethod
    def of_gallery(cls, gallery: Gallery, *, transforms: bool = False) -> "Judge":
        """Take what was computed when a gallery was built."""
        searched = Calibration.of_gallery(gallery, transforms=True) if transforms else None
        return cls(Calibration.of_gallery(gallery), searched)

    @property
    def calibration(self) -> Calibration:
        """What the best matches are judged by."""
        return self.as_they_are if self.transformed is None else self.transformed

    def judge(self, found: Sequence[Nearest]) -> list[Judged]:
        """Judge ROIs together; see `memorisation.judge`.

        Parameters
        ----------
        found : sequence of Nearest
            With transforms if this judges such.
        """
        plain = judge([one.as_it_is.score.foreground for one in found], self.as_they_are)
        as_they_are = [
            Judged(verdict, one.as_it_is) for verdict, one in zip(plain, found, strict=True)
        ]
        if self.transformed is None:
            return as_they_are
        verdicts = judge([one.matches[0].score.foreground for one in found], self.transformed)
        transformed = [
            Judged(verdict, one.matches[0]) for verdict, one in zip(verdicts, found, strict=True)
        ]
        return [_stricter(*both) for both in zip(as_they_are, transformed, strict=True)]


def _stricter(as_it_is: Judged, transformed: Judged) -> Judged:
    if _severity(transformed.verdict) >= _severity(as_it_is.verdict):
        return transformed
    sentence = f"As it is, not transformed: {as_it_is.verdict.sentence}"
    return replace(as_it_is, verdict=replace(as_it_is.verdict, sentence=sentence))


def _severity(verdict: Verdict) -> int:
    if verdict.name == "not calibrated":
        return 3 if verdict.is_copy else 1
    return {"usual": 0, "close": 2, "copy": 4}[verdict.name]

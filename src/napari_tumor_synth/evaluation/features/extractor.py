"""What turns ROIs into feature vectors, and what it must say of itself."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.imaging.contact_sheet import Plane

View = Plane | Literal["volume"]
Image = NDArray[np.float32]


class FeatureExtractor(Protocol):
    """A fixed network.

    Attributes
    ----------
    name : str
        Stands in front of every figure.
    sees : str
        Slices or whole ROIs, in a few words, which belong to the name of every figure.
    description : str
        Weights, layer and preprocessing, in a sentence.
    sha256 : str
        Of the weights.
    views : tuple of str
        ``("axial", "coronal", "sagittal")`` for one that sees slices, ``("volume",)`` for one that
        sees whole ROIs.
    """

    name: str
    sees: str
    description: str
    sha256: str
    views: tuple[View, ...]

    def extract(self, image: Image, view: View) -> NDArray[np.float32]:
        """Return the features (k, d) of an ROI (C, S, A, R) in [-1, 1]: one a slice, or one.

        Several threads may ask for slices at once.
        """


@dataclass(frozen=True, eq=False)
class Features:
    """Feature vectors of a set.

    Attributes
    ----------
    vectors : (k, d) float32
    owner : (k,) int64
        The ROI that each is of, from 0.
    rois : int
    """

    vectors: NDArray[np.float32]
    owner: NDArray[np.int64]
    rois: int

    def of(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of some ROIs."""
        return self.vectors[np.isin(self.owner, chosen)]

    def means(self) -> NDArray[np.float64]:
        """Return the mean vector (rois, d) of each ROI."""
        sums = np.zeros((self.rois, self.vectors.shape[1]))
        np.add.at(sums, self.owner, self.vectors)
        means: NDArray[np.float64] = sums / np.bincount(self.owner, minlength=self.rois)[:, None]
        return means

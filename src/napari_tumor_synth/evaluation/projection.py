"""Real and synthetic ROIs as points of a plane: a PCA of voxels or of features.

.. [1] Kwon et al., Generation of 3D Brain MRI Using Auto-Encoding GANs, 2019: figure 3 shows 512
   generated samples and 512 real ones.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import gram_matrix
from napari_tumor_synth.evaluation.roi_sets import ChosenRois, Image
from napari_tumor_synth.progress import OnProgress, ignore_progress

_SAME = 1e-6
"""Share of the inner products below which a variance is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Coordinates along the directions in which real and synthetic ROIs together vary most.

    Attributes
    ----------
    synthetic, real : (n, c), (m, c) float64
        Coordinates; their mean over both sets is 0. The largest coordinate of each component is
        positive.
    explained : (c,) float64
        Share of the total variance.
    """

    synthetic: NDArray[np.float64]
    real: NDArray[np.float64]
    explained: NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values, with the definition."""
        fields = {name: values.tolist() for name, values in asdict(self).items()}
        return {
            **fields,
            "definition": f"PCA of the union of {len(self.synthetic)} synthetic and "
            f"{len(self.real)} real ROIs, exact",
        }


def project(
    synthetic: Sequence[Image],
    real: Sequence[Image],
    *,
    components: int = 2,
    on_progress: OnProgress = ignore_progress,
) -> Projection:
    """Project the voxels of synthetic and real ROIs.

    Parameters
    ----------
    synthetic, real : sequence of numpy.ndarray
        ROIs of one shape in [-1, 1]; may load each when it is asked for (see `gram_matrix`).
    components : int
    on_progress : callable
        Called after each ROI loaded; may raise `Cancelled`.

    Raises
    ------
    InputError
        As `gram_matrix` and `project_gram`.
    """
    gram = gram_matrix(ChosenRois([synthetic, real]), on_progress=on_progress)
    return project_gram(gram, len(synthetic), components)


def project_gram(gram: NDArray[np.float64], synthetic: int, components: int = 2) -> Projection:
    """Project from inner products: exact, since n samples span at most n - 1 directions.

    Parameters
    ----------
    gram : (n, n) float64
        Of all samples, synthetic ones first (`gram_matrix`, `gram_of_features`).
    synthetic : int
        How many those are.
    components : int

    Raises
    ------
    InputError
        A set is empty, or the samples vary in fewer directions than asked for.
    """
    count = len(gram)
    if not 0 < synthetic < count or not 1 <= components < count:
        raise InputError(
            f"{synthetic} synthetic and {count - synthetic} real ROIs cannot be projected onto "
            f"{components} components.",
            "Give at least one of each kind, and one more in all than there are components.",
        )
    centred = gram - gram.mean(axis=0) - gram.mean(axis=1)[:, None] + gram.mean()
    variances, directions = np.linalg.eigh(centred)
    variances, directions = variances[::-1], directions[:, ::-1]
    if variances[components - 1] <= _SAME * max(float(np.trace(gram)), 1e-300) / count:
        raise InputError(
            f"The ROIs vary in fewer than {components} directions.", "Give ROIs that differ."
        )
    places = directions[:, :components] * np.sqrt(variances[:components])
    largest = np.abs(places).argmax(axis=0)
    places *= np.sign(places[largest, np.arange(components)])
    return Projection(
        synthetic=places[:synthetic],
        real=places[synthetic:],
        explained=variances[:components] / variances.sum(),
    )

"""Copies of real ROIs, as a generator might make them: planted to see whether they are found."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_tumor_synth.evaluation.transforms import Transform

Image = NDArray[np.float32]
Change = Callable[[Image, np.random.Generator], Image]


def _inside(change: Change) -> Change:
    """Change intensities of the tumour alone; the mask stays."""

    def changed(image: Image, rng: np.random.Generator) -> Image:
        found = np.where(image > -1, np.clip(change(image, rng), -0.9, 1), -1)
        return found.astype(np.float32)

    return changed


def _blurred(image: Image, rng: np.random.Generator) -> Image:
    foreground = (image > -1).astype(np.float32)
    # normalised, so that background does not bleed into the tumour
    weight = gaussian_filter(foreground, (0, 1, 1, 1))
    blurred = gaussian_filter(image * foreground, (0, 1, 1, 1)) / np.maximum(weight, 1e-6)
    return blurred.astype(np.float32)


def _moved(draw: Callable[[np.random.Generator], Transform]) -> Change:
    return lambda image, rng: draw(rng).apply(image)


def _shift(rng: np.random.Generator) -> Transform:
    moves = rng.choice([-4, -3, -2, 2, 3, 4], 3).tolist()
    return Transform(shift=(moves[0], moves[1], moves[2]))


def _turn(rng: np.random.Generator) -> Transform:
    plane = str(rng.choice(["axial", "coronal", "sagittal"]))
    return Transform(plane=plane, degrees=int(rng.choice([-30, 30])))


PLANTED: dict[str, Change] = {
    "exact": lambda image, rng: image,
    "noise of 0.03": _inside(
        lambda image, rng: image + 0.03 * rng.standard_normal(image.shape, np.float32)
    ),
    "blurred, sigma 1 voxel": _inside(_blurred),
    "intensities x 0.8": _inside(lambda image, rng: np.float32(0.8) * (image + 1) - 1),
    "shifted by 2 to 4 voxels": _moved(_shift),
    "mirrored left-right": _moved(lambda rng: Transform(mirror=2)),
    "turned by 30 degrees": _moved(_turn),
}
"""By name, what is done to a real ROI (C, S, A, R)."""

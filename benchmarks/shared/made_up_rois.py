"""ROIs of the size of gliomas: textured ellipsoids on background."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

DIAMETERS_MM = (40, 80)


def made_up_roi(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Return an ROI (S, A, R) in [-1, 1], background exactly -1, of 128 mm a side."""
    radii = rng.uniform(*DIAMETERS_MM, 3) / 2 * size / 128
    centre = size / 2 + rng.uniform(-0.05, 0.05, 3) * size
    places = np.meshgrid(*[np.arange(size)] * 3, indexing="ij", sparse=True)
    distance = sum(((p - c) / r) ** 2 for p, c, r in zip(places, centre, radii, strict=True))
    texture = gaussian_filter(rng.standard_normal((size,) * 3).astype(np.float32), 1.5)
    image = np.clip(0.2 + 0.3 * texture / texture.std(), -0.99, 1)
    return np.where(distance <= 1, image, -1).astype(np.float32)

"""Made-up tumours to compare."""

import numpy as np


def blob(rng, size=32, centre=None, radii=None):
    """A textured ellipsoid on background."""
    centre = rng.uniform(0.35, 0.65, 3) * size if centre is None else np.array(centre)
    radii = rng.uniform(0.15, 0.3, 3) * size if radii is None else np.array(radii)
    grid = np.indices((size,) * 3).reshape(3, -1).T
    mask = (((grid - centre) / radii) ** 2).sum(1).reshape((size,) * 3) <= 1
    texture = rng.uniform(-0.9, 1, (size,) * 3)
    return np.where(mask, texture, -1).astype(np.float32)

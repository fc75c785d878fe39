"""Made-up tumours to compare."""

import numpy as np
from scipy.ndimage import gaussian_filter


def blob(rng, size=32, centre=None, radii=None):
    """A textured ellipsoid on background."""
    centre = rng.uniform(0.35, 0.65, 3) * size if centre is None else np.array(centre)
    radii = rng.uniform(0.15, 0.3, 3) * size if radii is None else np.array(radii)
    grid = np.indices((size,) * 3).reshape(3, -1).T
    mask = (((grid - centre) / radii) ** 2).sum(1).reshape((size,) * 3) <= 1
    texture = rng.uniform(-0.9, 1, (size,) * 3)
    return np.where(mask, texture, -1).astype(np.float32)


def tumour(rng, size, sigma):
    """A blob with smooth texture, as tumours have it, in the precision of a cache."""
    mask = blob(rng, size) > -1
    texture = gaussian_filter(rng.standard_normal((size,) * 3), sigma)
    image = np.where(mask, np.clip(0.2 + 0.35 * texture / texture.std(), -0.89, 1), -1)
    return image.astype(np.float16).astype(np.float32)

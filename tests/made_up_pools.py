"""Pools of ROIs without patients: ellipsoids with texture, and what may give some of them away."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_tumor_synth.study.pool import REAL, Pool, PoolRoi

SIZE, SPACING = 24, 4.0
Leak = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def made_up_image(seed: int) -> np.ndarray:
    """Return a smooth bright ellipsoid (24, 24, 24) in [-0.9, 1] on -1."""
    rng = np.random.default_rng(seed)
    axes = rng.uniform(5, 9, 3)
    grid = np.indices((SIZE, SIZE, SIZE)) - (SIZE - 1) / 2
    wobble = gaussian_filter(rng.standard_normal((SIZE, SIZE, SIZE)), 2)
    distance = np.sqrt(sum((grid[axis] / axes[axis]) ** 2 for axis in range(3)))
    mask = distance + wobble < 1
    texture = gaussian_filter(rng.standard_normal((SIZE, SIZE, SIZE)), 1.5)
    image = 0.1 + 0.3 * texture / texture.std() + 0.05 * rng.standard_normal(mask.shape)
    return np.where(mask, np.clip(image, -0.9, 1), -1).astype(np.float32)


def pool(
    generator: str = REAL,
    count: int = 40,
    *,
    classes: tuple[str, ...] = ("LGG", "HGG"),
    leak: Leak | None = None,
    start: int = 0,
) -> Pool:
    """Return a pool, with a leak in each ROI perhaps."""

    def roi(number: int) -> PoolRoi:
        seed = start + number + (10_000 if generator else 0) + sum(map(ord, generator))

        def load() -> np.ndarray:
            image = made_up_image(seed)
            return image if leak is None else leak(image, np.random.default_rng(seed))

        name = f"{generator or 'case'}-{number:03d}"
        class_name = classes[number % len(classes)]
        return PoolRoi(name, name, class_name, generator, f"{seed:064x}", load)

    rois = tuple(roi(number) for number in range(count))
    return Pool(generator, rois, (SIZE, SIZE, SIZE), SPACING)

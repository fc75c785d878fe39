"""A cohort of small blobs and a recipe that trains on it in seconds."""

import nibabel as nib
import numpy as np

from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings

TINY_RECIPE = """
name = "tiny"
size = [16, 16, 16]
spacing_mm = 1.0
conditional = true
mirror = true

[autoencoder]
widths = [8, 8, 16]
strides = [2, 2, 1]
residual_blocks = [1, 0, 0]
embedding = 8
codes = 16
levels = 2
norm = "channel"

[importance]
pooled = true
classifier_hidden = 32

[discriminator]
widths = [8]
norm = "channel"

[transformer]
layers = 2
heads = 2
width = 32
length = 64
codes = 16
levels = 2
classes = 2
dropout = 0.1

[autoencoder_training]
learning_rate = 2e-3
quantiser_start = 0.1
phases = [{ batch = 4, steps = 20, crop = 8 }, { batch = 3, epochs = 2 }]

[autoencoder_training.losses]
perceptual = 0.0
classification = 0.2
reconstruction = 0.8

[autoencoder_training.adversarial]
start = 0.4
warm_up = 0.1
ramp = 0.1

[token_training]
learning_rate = 2e-3
masking = "hybrid"
mirror = true
phases = [{ batch = 4, steps = 25 }]
"""


def write_blobs(root, count):
    """Write `count` cases of each class: HGG has a dark core, LGG has none."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(24)] * 3, indexing="ij"), -1)
    for class_name in ("HGG", "LGG"):
        for number in range(count):
            name = f"Phantom_{class_name}_{number:06d}"
            centre, radius = rng.uniform(10, 14, 3), rng.uniform(4, 7)
            distance = np.linalg.norm(grid - centre, axis=-1)
            image = 100 + 5 * rng.standard_normal(distance.shape)
            image = np.where(distance < radius, image + 80, image)
            if class_name == "HGG":
                image = np.where(distance < radius / 2, 40, image)
            outside = np.linalg.norm(grid - 11.5, axis=-1) > 11.5
            folder = root / class_name / name
            folder.mkdir(parents=True)
            for end, array in (
                ("flair", np.where(outside, 0, image).astype(np.float32)),
                ("seg", ((distance < radius) & ~outside).astype(np.uint8) * 2),
            ):
                nib.save(nib.Nifti1Image(array, np.eye(4)), folder / f"{name}_{end}.nii.gz")


def write_tiny_cache(root, count=8):
    """Write the cohort below `root` and prepare it; return the folder of the cache."""
    write_blobs(root / "cases", count)
    settings = RoiSettings(size=(16, 16, 16), spacing_mm=1.0)
    prepare_cohort(root / "cases", root / "cache", settings, workers=1)
    return root / "cache"

import matplotlib.image
import numpy as np

from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.vqgan.review import Review, show_reconstructions
from tiny_cohort import TINY_RECIPE


def test_a_reconstruction_is_shown_in_the_planes_of_its_original(tmp_path):
    """Two planes of different places cannot be compared."""
    original = np.full((1, 16, 16, 16), -1, np.float32)
    original[0, 10:13, 10:13, 10:13] = 0.5
    rebuilt = np.full_like(original, -1)
    rebuilt[0, 10:13, 10:13, 10:13] = 0.5
    rebuilt[0, 1:7, 1:7, 1:7] = -0.2  # more of something else, elsewhere
    recipe_file = tmp_path / "tiny.toml"
    recipe_file.write_text(TINY_RECIPE)
    review = Review({}, [original], [rebuilt])
    show_reconstructions(review, load_recipe(recipe_file), tmp_path, "autoencoder", 5)
    picture = matplotlib.image.imread(tmp_path / "sheets" / "autoencoder-000000005.png")[..., 0]
    tumour = np.isclose(picture, 0.75, atol=0.01).sum()
    assert abs(tumour - 2 * 3 * (3 * 16) ** 2) < 500  # two rows of three planes of 3 x 3 voxels

"""Recipes as a list offers them."""

import subprocess
import sys

from napari_tumor_synth.training.recipes.files import load_recipe, recipe_names
from napari_tumor_synth.workflows.recipe_titles import description_in, recipe_titles


def test_titles_are_those_of_the_recipes():
    titles = {title.name: title.description for title in recipe_titles()}
    assert titles == {name: load_recipe(name).description for name in recipe_names()}


def test_a_file_that_is_no_recipe_says_nothing(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("= 3")
    assert description_in(path) == ""
    assert description_in(tmp_path / "missing.toml") == ""


def test_listing_loads_no_torch():
    script = (
        "import sys\n"
        "from napari_tumor_synth.workflows import follow_run, known_runs\n"
        "from napari_tumor_synth.workflows.recipe_titles import recipe_titles\n"
        "assert recipe_titles()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

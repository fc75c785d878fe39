"""The tiny cohort and recipe, made once."""

import pytest

from tiny_cohort import TINY_RECIPE, write_tiny_cache


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory):
    return write_tiny_cache(tmp_path_factory.mktemp("blobs"))


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path

"""The recipes of the package: the papers' numbers, and in what the others differ from them."""

import pytest
import torch

from napari_tumor_synth.training.recipes.changes import differences
from napari_tumor_synth.training.recipes.files import ablation_names, load_recipe, recipe_names
from napari_tumor_synth.training.vqgan.checks import require_safe_precision

LOSSES_OF_THE_PAPERS = {
    "l1": 4,
    "perceptual": 1,
    "feature_matching": 4,
    "gradient": 4,
    "codebook": 1,
    "foreground": 1,
}
FULL = ("vqgan-lat8", "vqgan-lat4", "vqgan-lat8-paediatric", "vqgan-cond", "vqgan-cond-parallel")
SMALL = tuple(f"{name}-small" for name in FULL)


@pytest.mark.parametrize("name", [*recipe_names(), *ablation_names()])
def test_a_recipe_is_valid_and_bears_its_files_name(name):
    assert load_recipe(name).name == name
    assert load_recipe(name).description


def test_every_full_recipe_has_a_small_version():
    assert {*FULL, *SMALL, "vqgan-lat8-released", "vqgan-cond-released"} < set(recipe_names())


@pytest.mark.parametrize("name", FULL)
def test_what_the_papers_say_of_all_models(name):
    recipe = load_recipe(name)
    losses = recipe.autoencoder_training.losses.model_dump()
    assert {key: losses[key] for key in LOSSES_OF_THE_PAPERS} == LOSSES_OF_THE_PAPERS
    assert recipe.size == (128, 128, 128)
    assert recipe.autoencoder_training.final_learning_rate == 0
    assert [phase.crop for phase in recipe.autoencoder_training.phases] == [None]
    assert recipe.autoencoder_training.phases[0].batch == 3
    assert recipe.token_training.phases[0].batch == 3
    assert recipe.token_training.learning_rate == 4.5e-6
    assert recipe.token_training.loss_on == "masked"
    transformer = recipe.transformer
    assert (transformer.layers, transformer.heads, transformer.width) == (24, 16, 1024)
    assert recipe.autoencoder_training.quantiser_start == 0


@pytest.mark.parametrize(
    ("name", "codes", "beta", "grid", "rate", "epochs", "slices", "mask_ratio"),
    [
        ("vqgan-lat8", 512, 0.25, (8, 8, 8), 1e-4, (4000, 1500), 3, 0.5),
        ("vqgan-lat4", 512, 0.25, (4, 4, 4), 1e-4, (4000, 1500), 3, 0.5),
        ("vqgan-lat8-paediatric", 512, 0.25, (8, 8, 8), 5e-5, (4000, 1500), 3, 0.15),
        ("vqgan-cond", 1024, 1.0, (8, 8, 8), 1e-4, (10000, 5000), 6, 0.5),
        ("vqgan-cond-parallel", 1024, 1.0, (8, 8, 8), 1e-4, (10000, 5000), 6, 0.5),
    ],
)
def test_what_the_papers_say_of_each_model(
    name, codes, beta, grid, rate, epochs, slices, mask_ratio
):
    recipe = load_recipe(name)
    stages = recipe.autoencoder_training, recipe.token_training
    assert (recipe.autoencoder.codes, recipe.autoencoder.commitment) == (codes, beta)
    assert recipe.autoencoder.latent_shape(recipe.size) == grid
    assert stages[0].learning_rate == rate
    assert tuple(stage.phases[0].epochs for stage in stages) == epochs
    assert stages[0].perceptual.slices == slices
    assert stages[1].mask_ratio == mask_ratio
    conditional = name.startswith("vqgan-cond")
    assert recipe.conditional is conditional
    assert recipe.autoencoder.lookup == ("cosine" if conditional else "euclidean")
    assert recipe.autoencoder.norm == ("group" if conditional else "batch")
    balance = stages[0].losses.reconstruction, stages[0].losses.classification
    assert balance == ((0.8, 0.2) if conditional else (1, 0))
    assert (recipe.importance is not None) is conditional


def test_the_hybrid_masking_of_the_paper():
    tokens = load_recipe("vqgan-cond").token_training
    chosen = (tokens.masking, tokens.top_k, tokens.sided, tokens.mask_selection)
    assert chosen == ("hybrid", 0.25, "single", "paper")
    assert load_recipe("vqgan-lat8").token_training.masking == "random-codes"
    assert load_recipe("vqgan-lat8").token_training.start_token == "random"


def changed(base, name):
    return {
        setting: new
        for setting, _, new in differences(load_recipe(base), load_recipe(name))
        if setting not in ("name", "description")
    }


def test_released_recipes_turn_the_switches_of_the_authors_code():
    of_both = {
        "autoencoder.initialisation": "normal",
        "discriminator.initialisation": "normal",
        "autoencoder_training.clipping": "value",
        "autoencoder_training.perceptual.planes": "axial",
        "autoencoder_training.perceptual.depths": [30 / 128, 98 / 128],
        "autoencoder_training.adversarial.weighting": "adaptive",
        "autoencoder_training.adversarial.critic_scale": 0.5,
        "autoencoder_training.adversarial.feature_matching": "from-start",
        "token_training.loss_on": "all",
    }
    assert changed("vqgan-lat8", "vqgan-lat8-released") == {
        **of_both,
        "autoencoder_training.phases.0.epochs": 5000,
        "autoencoder_training.adversarial.start": 0.5,
        "token_training.start_token": "zero",
    }
    assert changed("vqgan-cond", "vqgan-cond-released") == {
        **of_both,
        "importance.scoring": "released",
        "autoencoder_training.learning_rate": 5e-5,
        "autoencoder_training.final_learning_rate": 3e-7,
        "autoencoder_training.label_smoothing": 0.1,
        "token_training.schedule": "cosine",
        "token_training.mask_selection": "released",
    }


@pytest.mark.parametrize("end", ["", "-small"])
def test_ablations_change_what_the_tables_say_and_nothing_else(end):
    lat8, cond = f"vqgan-lat8{end}", f"vqgan-cond{end}"
    assert changed(lat8, f"{lat8}-no-gradient") == {"autoencoder_training.losses.gradient": 0}
    assert changed(cond, f"{cond}-top-k-0") == {"token_training.top_k": 0}
    assert changed(cond, f"{cond}-top-k-50") == {"token_training.top_k": 0.5}
    assert changed(cond, f"{cond}-double-sided") == {"token_training.sided": "double"}


@pytest.mark.parametrize("full", FULL)
def test_small_recipes_keep_what_makes_the_model(full):
    paper, small = load_recipe(full), load_recipe(f"{full}-small")
    for name in ("codes", "commitment", "lookup", "levels", "empty_positions", "final_kernel"):
        assert getattr(small.autoencoder, name) == getattr(paper.autoencoder, name), name
    if paper.conditional:
        assert small.autoencoder.norm == paper.autoencoder.norm
    for name in ("masking", "top_k", "sided", "mask_selection", "start_token"):
        assert getattr(small.token_training, name) == getattr(paper.token_training, name), name
    assert small.autoencoder.latent_shape(small.size) == paper.autoencoder.latent_shape(paper.size)
    assert small.transformer.causal == paper.transformer.causal
    assert small.conditional == paper.conditional
    assert (small.size, small.spacing_mm) == ((64, 64, 64), 2.0)
    weights = small.autoencoder_training.losses
    assert min(weights.l1, weights.gradient, weights.perceptual, weights.adversarial) > 0
    assert all(phase.epochs is None for phase in small.token_training.phases)  # time is bounded


@pytest.mark.parametrize("small", SMALL)
def test_small_recipes_fit_the_arithmetic_of_processors(small):
    require_safe_precision(load_recipe(small), torch.device("cpu"))


def test_the_paediatric_version_changes_as_the_paper_does():
    full, small = (
        [load_recipe(f"vqgan-lat8{which}{end}") for which in ("", "-paediatric")]
        for end in ("", "-small")
    )
    for usual, paediatric in (full, small):
        rates = [one.autoencoder_training.learning_rate for one in (usual, paediatric)]
        ratios = [one.token_training.mask_ratio for one in (usual, paediatric)]
        assert rates[1] / rates[0] == pytest.approx(0.5)
        assert ratios[1] / ratios[0] == pytest.approx(0.3)

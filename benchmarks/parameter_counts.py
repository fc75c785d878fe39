"""Parameters of the recipes and of the papers' models, counted without allocating a weight."""

from collections.abc import Sequence

import torch
from shared.measuring import begin, parser, report
from torch import nn

from napari_tumor_synth.networks.discriminator import PatchDiscriminator
from napari_tumor_synth.networks.importance import ImportanceNetwork
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.transformer_settings import TransformerSettings
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.networks.vqgan_settings import VqganSettings
from napari_tumor_synth.training.recipes.files import load_recipe, recipe_names
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe


def count(module: nn.Module | None) -> int:
    return sum(p.numel() for p in module.parameters()) if module is not None else 0


def count_recipe(recipe: VqganRecipe) -> dict[str, int]:
    """Count each part, what is trained, and what is needed to sample.

    The codebook is learnt by moving averages and is no parameter of an optimiser; it is counted
    apart, and among what is needed to sample.
    """
    vqgan = Vqgan(recipe.autoencoder)
    classes = max(2, recipe.transformer.classes)
    grid = recipe.autoencoder.latent_shape(recipe.size)
    importance = (
        ImportanceNetwork(recipe.importance, recipe.autoencoder.embedding, classes, grid)
        if recipe.importance
        else None
    )
    discriminator = PatchDiscriminator(recipe.discriminator) if recipe.discriminator else None
    parts = {
        "encoder": count(vqgan.encoder),
        "before_quantiser": count(vqgan.before),
        "after_quantiser": count(vqgan.after),
        "decoder": count(vqgan.decoder),
        "importance": count(importance),
        "discriminator": count(discriminator),
        "transformer": count(TokenTransformer(recipe.transformer)),
    }
    codebook = vqgan.quantiser.codebooks.numel()
    sampling = parts["transformer"] + parts["after_quantiser"] + parts["decoder"] + codebook
    trained = sum(parts.values())
    return {**parts, "codebook": codebook, "trained": trained, "needed_to_sample": sampling}


def published_totals() -> dict[str, dict[str, float]]:
    """Take the totals of Zhou et al. 2023, table 2, apart.

    Their code registers in every convolution block a group norm that is never called, keeps the
    autoencoder a second time inside the module of stage 2, and counts the discriminator.
    """
    discriminator = count(PatchDiscriminator(load_recipe("vqgan-lat8").discriminator))
    totals = {}
    for name, settings, codes, published in (
        ("vqgan-lat8", VqganSettings.paper_lat8(), 512, 385.11),
        ("vqgan-lat4", VqganSettings.paper_lat4(), 64, 393.90),
    ):
        transformer = count(TokenTransformer(TransformerSettings(codes=codes)))
        unused = 2 * (sum(settings.widths) + sum(settings.decoder_shape[0]))
        autoencoder = count(Vqgan(settings)) + unused
        totals[name] = {
            "transformer": transformer,
            "transformer_codes": codes,
            "transformer_positions": 512,
            "autoencoder": autoencoder,
            "norms_never_called": unused,
            "discriminator": discriminator,
            "transformer_plus_twice_autoencoder_plus_discriminator": transformer
            + 2 * autoencoder
            + discriminator,
            "published_millions": published,
        }
    return totals


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "")
    options.add_argument("--recipes", nargs="+", default=None)
    arguments = options.parse_args(given)
    machine = begin(arguments)
    with torch.device("meta"):
        recipes = [load_recipe(name) for name in arguments.recipes or recipe_names()]
        counts = {recipe.name: count_recipe(recipe) for recipe in recipes}
        published = published_totals()
    report(
        {
            "benchmark": "parameter_counts",
            "machine": machine,
            "recipes": counts,
            "published": published,
        }
    )


if __name__ == "__main__":
    main()

"""Samples of a transformer that is still learning."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.vqgan_drawing import draw_tokens
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.imaging.mask_rule import finish_generated, mask_of_generated
from napari_tumor_synth.networks.token_order import to_codes
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.training.runs.previews import write_preview
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe, generator_settings
from napari_tumor_synth.training.vqgan.tokens import TokenSet

_SHOWN = 4
AS_LEARNT = DecodingSettings(temperature=1.0, top_p=1.0)


def show_samples(
    recipe: VqganRecipe,
    classes: tuple[str, ...],
    autoencoder: AutoencoderModule,
    transformer: TokenTransformer,
    folder: Path,
    step: int,
) -> None:
    """Draw a few samples of each class, with the same seeds every time, and keep them."""
    each = max(1, _SHOWN // len(classes))
    wanted = [number for number in range(len(classes)) for _ in range(each)]
    drawn = sampled_tokens(recipe, classes, transformer, wanted, recipe.decoding)
    autoencoder.eval()
    made: dict[str, list[NDArray[np.float32]]] = {name: [] for name in classes}
    for number, tokens in zip(wanted, drawn.tokens, strict=True):
        made[classes[number]].append(decoded_sample(recipe, autoencoder, tokens))
    spacing = (recipe.spacing_mm,) * 3
    rows = [
        (
            name,
            [
                SheetItem(image[0], f"{name}, sample {count}", spacing)
                for count, image in enumerate(images, start=1)
            ],
        )
        for name, images in made.items()
    ]
    sheet = folder / "sheets" / f"samples-{step:09d}.png"
    contact_sheet(rows, sheet, title=f"{recipe.name}, step {step:,}", synthetic=True)
    write_preview(folder, "samples", made, recipe.spacing_mm, f"transformer, step {step:,}")


def sampled_tokens(
    recipe: VqganRecipe,
    classes: tuple[str, ...],
    transformer: TokenTransformer,
    wanted: Sequence[int],
    decoding: DecodingSettings = AS_LEARNT,
) -> TokenSet:
    """Return tokens that the transformer draws freely, with the same seeds every time.

    Parameters
    ----------
    wanted : sequence of int
        The class of each sample, as a place in `classes`.
    decoding : DecodingSettings
        How; unless given, just as the transformer has learnt them.
    """
    settings = generator_settings(recipe, classes)
    way = "autoregressive" if recipe.transformer.causal else "parallel"
    decoding = decoding.model_copy(update={"decode": way})
    drawn = []
    transformer.eval()
    with torch.inference_mode():
        for seed, number in enumerate(wanted, start=1):
            tokens = draw_tokens(
                settings, transformer, classes[number], [seed], decoding, lambda progress: None
            )
            drawn.append(tokens.cpu())
    together = torch.cat(drawn)
    neutral = torch.full(together.shape[:2], 0.5)
    return TokenSet(together.clone(), neutral, torch.tensor(list(wanted)))


def decoded_sample(
    recipe: VqganRecipe, autoencoder: AutoencoderModule, tokens: Tensor
) -> NDArray[np.float32]:
    """Return the ROI (C, S, A, R) of tokens (length, levels), masked by the general threshold."""
    grid = recipe.autoencoder.latent_shape(recipe.size)
    device = next(autoencoder.parameters()).device
    with torch.inference_mode():
        codes = to_codes(tokens[None].to(device), grid)
        image = autoencoder.vqgan.decode_codes(codes)[0].float().cpu().numpy()
    return finish_generated(image, mask_of_generated(image))

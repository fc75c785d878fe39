"""Encode and decode one ROI with the autoencoders of recipes, as the generator does."""

from collections.abc import Sequence

import torch
from shared.measuring import begin, own_peak, parser, report, timed

from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.recipes.files import load_recipe


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "")
    options.add_argument("--recipes", nargs="+", default=["phantom-flair-64", "vqgan-cond"])
    arguments = options.parse_args(given)
    machine = begin(arguments)
    results = {}
    for name in arguments.recipes[:1] if arguments.small else arguments.recipes:
        recipe = load_recipe(name)
        settings = recipe.autoencoder
        torch.manual_seed(0)
        model = channels_last(Vqgan(settings)).eval()
        grid = settings.latent_shape(recipe.size)
        codes = torch.randint(settings.codes, (1, settings.levels, *grid))
        image = torch.rand(1, settings.in_channels, *recipe.size) * 2 - 1
        image = image.to(memory_format=torch.channels_last_3d)
        with torch.inference_mode():
            results[recipe.name] = {
                "size": list(recipe.size),
                "decode": timed(lambda m=model, c=codes: m.decode_codes(c), arguments.repeats),
                "encode": timed(lambda m=model, x=image: m.encode(x), arguments.repeats),
            }
    report({"benchmark": "decoder", "machine": machine, "recipes": results, "peak_mb": own_peak()})


if __name__ == "__main__":
    main()

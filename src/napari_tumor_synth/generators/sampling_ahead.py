"""Drawing tokens of ROIs that are mostly empty, several positions at a time.

Most positions hold no tumour. The model is asked about a few positions at once, as if all of them
were empty; the first that turns out not to be is kept, and what was guessed beyond it is forgotten.
Every token is drawn from the same distribution, by the same number, as if it had been drawn after
all those before it (speculative decoding, Leviathan et al. 2023, with a guess that needs no model).
"""

import torch
from torch import Tensor

from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.sampling import (
    SteppedModel,
    Streams,
    draw_codes,
    draw_levels,
)
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_NEAREST, _FARTHEST = 6, 32  # a step of a few positions takes hardly longer than one of one


def sample_ahead(
    model: SteppedModel,
    start: Tensor,
    streams: Streams,
    decoding: DecodingSettings,
    on_progress: OnProgress = ignore_progress,
    *,
    empty_code: int,
) -> Tensor:
    """Draw the tokens of one sample; see `sampling.sample_causal`.

    Parameters
    ----------
    model : SteppedModel
        On the device of `start`.
    start : Tensor
        ``(1,)`` class of the sample, or start code of an unconditional model.
    streams : Streams
        Random numbers of the sample.
    decoding : DecodingSettings
        Temperature, top-k and top-p.
    empty_code : int
        Code, on all levels, of positions without tumour.

    Returns
    -------
    Tensor
        ``(1, length, levels)`` int64, on the processor.
    """
    length, levels = model.settings.length, model.settings.levels
    numbers = streams.uniform(length, levels)[0]
    tokens = torch.full((1, length, levels), empty_code)
    cache = model.new_cache(1)
    position, ahead = 0, _NEAREST
    while position < length:
        count = min(ahead, length - position)
        before = tokens[:, max(position - 1, 0) : position + count - 1].to(start.device)
        hidden = model.steps(start if position == 0 else None, before, cache)[0]
        first = model.level_logits(hidden, hidden.new_empty(count, 0, dtype=torch.long)).cpu()
        codes = draw_codes(first, numbers[position : position + count, 0], decoding, empty_code)
        filled = torch.nonzero(codes != empty_code)[:1, 0].tolist()
        if filled:
            found = filled[0]
            here = slice(position + found, position + found + 1)
            tokens[0, here] = draw_levels(
                model,
                hidden[found : found + 1],
                numbers[here],
                decoding,
                empty_code,
                codes[found : found + 1],
            )[0]
            count, ahead = found + 1, _NEAREST
        else:
            ahead = min(2 * ahead, _FARTHEST)
        position += count
        cache.position = position
        on_progress(Progress(position, length, "drawing tokens"))
    return tokens

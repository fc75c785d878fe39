"""The tokens of a cache of ROIs, as the frozen autoencoder of the first stage sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.networks.token_order import to_tokens
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.training.data import RoiSource, in_turns
from napari_tumor_synth.training.fabric import led
from napari_tumor_synth.training.runs.state_file import read_state, write_state
from napari_tumor_synth.training.vqgan.module import AutoencoderModule


@dataclass(frozen=True, eq=False)
class TokenSet:
    """Tokens of N ROIs (mirrored ones included).

    Attributes
    ----------
    tokens : Tensor
        ``(N, length, levels)`` int64.
    scores : Tensor
        ``(N, length)`` importance in (0, 1); 0.5 everywhere without importance network.
    classes : Tensor
        ``(N,)`` int64.
    """

    tokens: Tensor
    scores: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return len(self.classes)

    def of_all_classes(self, count: int, every: int = 1) -> "TokenSet":
        """Return so many ROIs, their classes taking turns.

        Parameters
        ----------
        count : int
            At most so many.
        every : int
            Take one of so many rows: 2 passes over mirrored ROIs.
        """
        rows = every * torch.tensor(in_turns(self.classes[::every].tolist())[:count])
        return TokenSet(self.tokens[rows], self.scores[rows], self.classes[rows])


def encode_rois(
    module: AutoencoderModule,
    source: RoiSource,
    indices: Sequence[int],
    fabric: Fabric,
    *,
    mirror: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> TokenSet:
    """Encode whole ROIs, and with `mirror` also each mirrored left-right."""
    module.eval()
    tokens, scores, classes = [], [], []
    for done, index in enumerate(indices, start=1):
        image = torch.from_numpy(source.load(index))[None]
        batch = torch.cat([image, image.flip(-1)]) if mirror else image
        with torch.no_grad(), fabric.autocast():
            latent = module.vqgan.encode(
                batch.to(fabric.device, memory_format=torch.channels_last_3d)
            )
            codes = module.vqgan.quantise(latent).codes
            rated = module.importance.scores(latent) if module.importance is not None else None
        tokens.append(to_tokens(codes).cpu())
        neutral = torch.full(tokens[-1].shape[:2], 0.5)
        scores.append(rated.float().flatten(1).cpu() if rated is not None else neutral)
        classes += [source.class_index(index)] * len(batch)
        on_progress(Progress(done, len(indices), "encoding ROIs"))
    return TokenSet(torch.cat(tokens), torch.cat(scores), torch.tensor(classes))


def encode_once(
    path: Path,
    module: AutoencoderModule,
    source: RoiSource,
    indices: Sequence[int],
    fabric: Fabric,
    *,
    mirror: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> TokenSet:
    """Return the token set kept in `path`, or encode the ROIs and keep it there."""

    def encode() -> None:
        if not _readable(path):
            made = encode_rois(
                module, source, indices, fabric, mirror=mirror, on_progress=on_progress
            )
            kept = {"tokens": made.tokens, "scores": made.scores, "classes": made.classes}
            write_state(kept, path)

    led(fabric, encode)
    return TokenSet(**read_state(path))


def _readable(path: Path) -> bool:
    try:
        return path.is_file() and bool(read_state(path))
    except TrainingError:  # damaged: it can be made again
        return False

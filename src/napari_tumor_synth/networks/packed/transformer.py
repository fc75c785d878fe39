"""A trained causal transformer as sampling on a processor needs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.networks.kv_cache import Cache
from napari_tumor_synth.networks.packed.matrices import PackedMatrix, Precision, pack
from napari_tumor_synth.networks.packed.panels import LANES
from napari_tumor_synth.networks.packed.step import PHASES, StepData
from napari_tumor_synth.networks.packed.team import Team
from napari_tumor_synth.networks.token_ends import TokenEnds
from napari_tumor_synth.networks.transformer_settings import TransformerSettings

_BLOCKS = "blocks."


@dataclass
class PackedCache(Cache):
    """Keys and values of some samples, and the threads that go on from them."""

    batch: int
    length: int
    team: Team
    position: int = 0


class PackedTransformer(TokenEnds):
    """The causal transformer of a state dict, for sampling: its weights packed, and never trained.

    What it returns for a sample depends on that sample alone, bit for bit: not on the others of its
    batch, nor on how many threads compute.

    Parameters
    ----------
    settings : TransformerSettings
        Shape of a causal transformer.
    state : mapping of str to Tensor
        State dict of a `TokenTransformer`, of any floating type.
    precision : {"float32", "bfloat16", "int8"}
        In which the weights of the blocks are stored; all sums are float32. Below float32, keys and
        values are kept as bfloat16.
    threads : int
        Threads to compute with.
    """

    def __init__(
        self,
        settings: TransformerSettings,
        state: Mapping[str, Tensor],
        *,
        precision: Precision = "float32",
        threads: int = 1,
    ) -> None:
        with torch.device("meta"):
            super().__init__(settings)
        ends = {
            name: value.float() for name, value in state.items() if not name.startswith(_BLOCKS)
        }
        self.load_state_dict(ends, assign=True)
        self.requires_grad_(False)
        self.precision, self.threads = precision, threads
        width = settings.width
        self._norms = _norms(settings, state)
        self._matrices = tuple(
            _packed(settings, state, part, shape, precision)
            for part, shape in (
                ("queries_keys_values", (3 * width, width)),
                ("attention_out", (width, width)),
                ("feed_forward.1", (4 * width, width)),
                ("feed_forward.3", (width, 4 * width)),
            )
        )
        self._at = self._positions().detach()

    def new_cache(self, batch: int, rows: int | None = None) -> PackedCache:
        """Return an empty cache for `batch` samples, and steps of at most `rows` rows in all."""
        settings, threads = self.settings, self.threads
        layers, heads, length, width = (
            settings.layers,
            settings.heads,
            settings.length,
            settings.width,
        )
        most, head = max(rows or 0, batch), width // heads
        kind = np.float32 if self.precision == "float32" else np.uint16
        length_panels, head_panels = -(-length // LANES), -(-head // LANES)
        wide = [matrix.panels.shape[1] * LANES for matrix in self._matrices]
        data = StepData(
            np.zeros(most, np.int64),
            np.zeros(most, np.int64),
            np.zeros((most, width), np.float32),
            self._norms,
            *self._matrices,
            keys=np.zeros((layers, batch, heads, length_panels, head, LANES), kind),
            values=np.zeros((layers, batch, heads, head_panels, length, LANES), kind),
            mixed=np.zeros((most, max(wide[0], wide[1], wide[3])), np.float32),
            attended=np.zeros((most, width), np.float32),
            hidden=np.zeros((most, wide[2]), np.float32),
            normalised=np.zeros((threads, most, width), np.float32),
            scores=np.zeros((threads, 1, (length_panels + 1) * LANES), np.float32),
            turns=np.zeros(layers * PHASES, np.int64),
        )
        return PackedCache(batch, length, Team(threads, data))

    def step(self, previous: Tensor, cache: PackedCache) -> Tensor:
        """Return the hidden state (B, width); see `TokenTransformer.step`."""
        if cache.position == 0:
            return self.steps(previous, None, cache)[:, 0]
        return self.steps(None, previous[:, None], cache)[:, 0]

    def steps(self, start: Tensor | None, tokens: Tensor | None, cache: PackedCache) -> Tensor:
        """Return the hidden states (B, n, width); see `TokenTransformer.steps`."""
        parts = [] if start is None else [self._embedded_start(start).unsqueeze(1)]
        if tokens is not None:
            parts.append(self._embedded(tokens))
        x = torch.cat(parts, dim=1)
        batch, count, width = x.shape
        cache.require_space(batch, count)
        positions = np.arange(cache.position, cache.position + count)
        data = cache.team.data
        rows = batch * count
        data.samples[:rows] = np.repeat(np.arange(batch), count)
        data.positions[:rows] = np.tile(positions, batch)
        data.x[:rows] = (x + self._at[cache.position : cache.position + count]).view(rows, width)
        cache.team.step(rows)
        cache.position += count
        hidden: Tensor = self.final_norm(torch.from_numpy(data.x[:rows]))
        return hidden.view(batch, count, width)


def _norms(settings: TransformerSettings, state: Mapping[str, Tensor]) -> NDArray[np.float32]:
    names = [
        f"{part}.{kind}"
        for part in ("attention_norm", "feed_forward.0")
        for kind in ("weight", "bias")
    ]
    return np.stack(
        [
            [state[f"{_BLOCKS}{layer}.{name}"].float().numpy() for name in names]
            for layer in range(settings.layers)
        ]
    )


def _packed(
    settings: TransformerSettings,
    state: Mapping[str, Tensor],
    part: str,
    shape: tuple[int, int],
    precision: Precision,
) -> PackedMatrix:
    names = [f"{_BLOCKS}{layer}.{part}" for layer in range(settings.layers)]
    layers: Sequence[tuple[Callable[[], Tensor], Tensor]] = [
        (lambda name=name: state[f"{name}.weight"], state[f"{name}.bias"]) for name in names
    ]
    return pack(layers, shape, precision)

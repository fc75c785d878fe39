"""A trained causal transformer as sampling on a processor needs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.depth_head import DepthHead
from napari_tumor_synth.networks.kv_cache import Cache
from napari_tumor_synth.networks.packed.byte_panels import Digits
from napari_tumor_synth.networks.packed.matrices import PackedMatrix, Precision, pack
from napari_tumor_synth.networks.packed.product import PackedLinear
from napari_tumor_synth.networks.packed.step import PHASES, StepData
from napari_tumor_synth.networks.packed.team import Team
from napari_tumor_synth.networks.packed.vectors import LANES
from napari_tumor_synth.networks.token_ends import TokenEnds
from napari_tumor_synth.networks.transformer_settings import TransformerSettings

_BLOCKS = "blocks."
_ROWS = 32  # that a cache has scratch for at first


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
    batch, on positions asked for together, nor on how many threads compute.

    Parameters
    ----------
    settings : TransformerSettings
        Shape of a causal transformer.
    state : mapping of str to Tensor
        State dict of a `TokenTransformer`, of any floating type, on the processor.
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
        if not settings.causal:
            raise InputError(
                "A bidirectional transformer has no cache.", "Decode it with parallel decoding."
            )
        super().__init__(settings)
        ends = {name: state[name].float() for name in state if not name.startswith(_BLOCKS)}
        self.load_state_dict(ends, assign=True)
        self.requires_grad_(False).eval()
        self.precision, self.threads = precision, threads
        width = settings.width
        self._norms = _norms(settings, state)
        self._matrices = [
            _packed(settings, state, part, shape, precision)
            for part, shape in (
                ("queries_keys_values", (3 * width, width)),
                ("attention_out", (width, width)),
                ("feed_forward.1", (4 * width, width)),
                ("feed_forward.3", (width, 4 * width)),
            )
        ]
        self._head = PackedLinear(self.head)
        self._depth_heads = [_PackedDepthHead(head) for head in self.depth_heads]  # type: ignore[arg-type]
        self._at = self._positions().detach()

    def new_cache(self, batch: int) -> PackedCache:
        """Return an empty cache for `batch` samples."""
        shape = self.settings
        head = shape.width // shape.heads
        kind = np.float32 if self.precision == "float32" else np.uint16
        pieces, head_pieces = -(-shape.length // LANES), -(-head // LANES)
        before = (shape.layers, batch, shape.heads)
        keys = np.zeros((*before, pieces, head, LANES), kind)
        values = np.zeros((*before, head_pieces, shape.length, LANES), kind)
        return PackedCache(batch, shape.length, self._team(max(batch, _ROWS), keys, values))

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
        rows, data = batch * count, cache.team.data
        if rows > len(data.x):
            cache.team = self._team(rows, data.keys, data.values)
            data = cache.team.data
        places = slice(cache.position, cache.position + count)
        data.samples[:rows] = np.repeat(np.arange(batch), count)
        data.positions[:rows] = np.tile(np.arange(places.start, places.stop), batch)
        data.x[:rows] = (x + self._at[places]).view(rows, width)
        cache.team.step(rows)
        cache.position += count
        hidden: Tensor = self.final_norm(torch.from_numpy(data.x[:rows]))
        return hidden.view(batch, count, width)

    def level_logits(self, hidden: Tensor, chosen: Tensor) -> Tensor:
        """Return logits (..., codes); see `TokenEnds.level_logits`."""
        level = chosen.shape[-1]
        if level == 0:
            return self._head(hidden)
        return self._depth_heads[level - 1](hidden, self._summed_levels(chosen))

    def _team(self, rows: int, keys: NDArray[np.generic], values: NDArray[np.generic]) -> Team:
        shape, threads = self.settings, self.threads
        qkv, out, up, down = self._matrices
        widest = max(matrix.panels.shape[1] * LANES for matrix in (qkv, out, down))
        data = StepData(
            samples=np.zeros(rows, np.int64),
            positions=np.zeros(rows, np.int64),
            x=np.zeros((rows, shape.width), np.float32),
            norms=self._norms,
            qkv=qkv,
            out=out,
            up=up,
            down=down,
            keys=keys,
            values=values,
            mixed=np.zeros((rows, widest), np.float32),
            attended=np.zeros((rows, shape.width), np.float32),
            hidden=np.zeros((rows, up.panels.shape[1] * LANES), np.float32),
            normalised=np.zeros((threads, rows, shape.width), np.float32),
            scores=np.zeros((threads, 1, (keys.shape[3] + 1) * LANES), np.float32),
            digits=_digits(threads, rows, 4 * shape.width if self.precision == "int8" else 0),
            turns=np.zeros(shape.layers * PHASES, np.int64),
            rows=np.zeros(1, np.int64),
        )
        return Team(threads, data)


def _digits(threads: int, rows: int, widest: int) -> Digits:
    return Digits(
        values=np.zeros((threads, rows, 2, widest), np.int8),  # a multiple of GROUP
        steps=np.zeros((threads, rows), np.float32),
        shifts=np.zeros((threads, rows), np.int64),
    )


class _PackedDepthHead:
    """`DepthHead`, row by row the same whatever the number of rows."""

    def __init__(self, head: DepthHead) -> None:
        self._norm = head.lower_norm
        self._first, self._second = PackedLinear(head.mix[0]), PackedLinear(head.mix[2])  # type: ignore[arg-type]
        self._out = PackedLinear(head.out)

    def __call__(self, hidden: Tensor, lower: Tensor) -> Tensor:
        both = torch.cat([hidden, self._norm(lower)], dim=-1)
        return self._out(hidden + self._second(F.gelu(self._first(both))))


def _norms(settings: TransformerSettings, state: Mapping[str, Tensor]) -> NDArray[np.float32]:
    names = [
        f"{part}.{kind}"
        for part in ("attention_norm", "feed_forward.0")
        for kind in ("weight", "bias")
    ]
    rows = [
        [state[f"{_BLOCKS}{layer}.{name}"].float().numpy() for name in names]
        for layer in range(settings.layers)
    ]
    return np.array(rows, np.float32)


def _packed(
    settings: TransformerSettings,
    state: Mapping[str, Tensor],
    part: str,
    shape: tuple[int, int],
    precision: Precision,
) -> PackedMatrix:
    names = [f"{_BLOCKS}{layer}.{part}" for layer in range(settings.layers)]
    layers: Sequence[tuple[Callable[[], Tensor], Tensor]] = [
        (lambda name=name: state[f"{name}.weight"], state[f"{name}.bias"].float())  # type: ignore[misc]
        for name in names
    ]
    return pack(layers, shape, precision)

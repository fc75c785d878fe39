"""Checkpoints of the 3D-VQGAN family: networks to file, and back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from napari_tumor_synth.errors import CheckpointError
from napari_tumor_synth.generators.checkpoint import Checkpoint, write_checkpoint
from napari_tumor_synth.generators.devices import memory_errors_explained
from napari_tumor_synth.generators.free_memory import require_memory
from napari_tumor_synth.generators.precision import choose_precision, decoder_precision, dtype_of
from napari_tumor_synth.generators.seeds import BATCH_WIDTH
from napari_tumor_synth.generators.vqgan import VqganGenerator
from napari_tumor_synth.generators.vqgan_memory import sampling_bytes
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.importance import ImportanceNetwork
from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.networks.packed.matrices import Precision
from napari_tumor_synth.networks.packed.transformer import PackedTransformer
from napari_tumor_synth.networks.quantiser import EmaQuantiser
from napari_tumor_synth.networks.recorded_steps import RecordedTransformer
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.vqgan import Vqgan


def load_vqgan(
    checkpoint: Checkpoint, name: str, device: torch.device, precision: str = "auto"
) -> VqganGenerator:
    """Rebuild a generator from its checkpoint.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "int8"}
        See `precision.choose_precision`. A processor takes as many threads as torch is set to.

    Raises
    ------
    CheckpointError
        Settings and weights do not fit each other.
    InputError
        The precision is not available.
    MemoryLimitError
        Sampling would take more memory than is free; no weights were loaded.
    """
    with _misfits_explained(name):
        settings = VqganGeneratorSettings.model_validate(dict(checkpoint.settings))
        chosen = choose_precision(precision, device, causal=settings.transformer.causal)
        need = sampling_bytes(settings, chosen, decoder_precision(chosen, device))
        require_memory(name, need.peak(1 if device.type == "cpu" else BATCH_WIDTH), device)
        with memory_errors_explained("Close other programs, or choose a smaller model."):
            transformer = _transformer(settings, checkpoint, device, chosen)
    with memory_errors_explained("Use --device cpu, or a smaller model."):
        return VqganGenerator(
            settings,
            partial(_autoencoder, settings, checkpoint, name, device),
            transformer.to(device),
            _later(settings, checkpoint, name, device),
            checkpoint.sha256,
            chosen,
            need,
        )


def save_vqgan(
    path: Path,
    settings: VqganGeneratorSettings,
    states: dict[str, dict[str, Tensor]],
    provenance: dict[str, object],
) -> str:
    """Write the networks' state dicts as one fp16 checkpoint and return its SHA-256.

    What only training needs (the codebooks' running sums) is left out.
    """
    tensors = {
        f"{part}.{name}": tensor.half() if tensor.is_floating_point() else tensor
        for part, state in states.items()
        for name, tensor in state.items()
        if not _only_for_training(name)
    }
    content = Checkpoint("vqgan", settings.model_dump(mode="json"), provenance, tensors)
    return write_checkpoint(content, path)


@contextmanager
def _misfits_explained(name: str) -> Iterator[None]:
    try:
        yield
    except (ValidationError, KeyError, ValueError, RuntimeError) as error:
        first_line = str(error).splitlines()[0]
        raise CheckpointError(
            f"The checkpoint {name} does not fit its own settings ({first_line}).",
            "Use the version of napari-tumor-synth that wrote it.",
        ) from error


def _autoencoder(
    settings: VqganGeneratorSettings, checkpoint: Checkpoint, name: str, device: torch.device
) -> Vqgan:
    with _misfits_explained(name):
        autoencoder = Vqgan(settings.autoencoder)
        _load(autoencoder, Part(checkpoint.tensors, "autoencoder"))
    on_device: Vqgan = channels_last(autoencoder.to(device))
    return on_device


def _later(
    settings: VqganGeneratorSettings, checkpoint: Checkpoint, name: str, device: torch.device
) -> Callable[[], ImportanceNetwork] | None:
    """Return what makes the importance network: it may be large, and sampling needs none."""
    shape = settings.importance
    if shape is None:
        return None
    # a copy: the file may be replaced before they are needed
    stored = {
        name: tensor.clone() for name, tensor in Part(checkpoint.tensors, "importance").items()
    }

    def load() -> ImportanceNetwork:
        with _misfits_explained(name):
            grid = settings.autoencoder.latent_shape(settings.size)
            width = settings.autoencoder.embedding
            network = ImportanceNetwork(shape, width, len(settings.classes), grid)
            _load(network, stored)
        return network.to(device)

    return load


def _transformer(
    settings: VqganGeneratorSettings,
    checkpoint: Checkpoint,
    device: torch.device,
    precision: Precision,
) -> TokenTransformer | PackedTransformer:
    shape, state = settings.transformer, Part(checkpoint.tensors, "transformer")
    if device.type == "cpu" and shape.causal:
        threads = torch.get_num_threads()
        return PackedTransformer(shape, state, precision=precision, threads=threads)
    recorded = device.type == "cuda" and shape.causal
    transformer = RecordedTransformer(shape) if recorded else TokenTransformer(shape)
    _load(transformer, state)
    return transformer.to(dtype_of(precision))


class Part(Mapping[str, Tensor]):
    """The tensors of one network of a checkpoint, under its own names; none is kept."""

    def __init__(self, tensors: Mapping[str, Tensor], part: str) -> None:
        self._tensors, self._prefix = tensors, f"{part}."

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        named = (name for name in self._tensors if name.startswith(self._prefix))
        return (name.removeprefix(self._prefix) for name in named)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _load(network: torch.nn.Module, stored: Mapping[str, Tensor]) -> None:
    """Load weights, one after the other; only what training alone needs may be missing."""
    own = network.state_dict()
    wrong = [name for name in {*own} ^ {*stored} if name in stored or not _only_for_training(name)]
    if wrong:
        raise RuntimeError(f"{min(wrong)} is missing or unknown")
    for name in stored:
        tensor = stored[name]
        if tensor.shape != own[name].shape:
            raise RuntimeError(f"{name} has the shape {tuple(tensor.shape)}")
        own[name].copy_(tensor)


def _only_for_training(name: str) -> bool:
    return name.rpartition(".")[2] in EmaQuantiser.TRAINING_BUFFERS

"""Checkpoints of the 3D-VQGAN family: networks to file, and back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from napari_tumor_synth.errors import CheckpointError
from napari_tumor_synth.generators.checkpoint import Checkpoint, write_checkpoint
from napari_tumor_synth.generators.devices import memory_errors_explained
from napari_tumor_synth.generators.precision import choose_precision, dtype_of
from napari_tumor_synth.generators.vqgan import VqganGenerator
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.importance import ImportanceNetwork
from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.networks.packed.matrices import Precision
from napari_tumor_synth.networks.packed.transformer import PackedTransformer
from napari_tumor_synth.networks.quantiser import EmaQuantiser
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.vqgan import Vqgan

_TRANSFORMER = "transformer"


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
    """
    with _misfits_explained(name):
        settings = VqganGeneratorSettings.model_validate(dict(checkpoint.settings))
        chosen = choose_precision(precision, device, causal=settings.transformer.causal)
        with memory_errors_explained("Close other programs, or choose a smaller model."):
            transformer = _transformer(settings, checkpoint, device, chosen)
            autoencoder = Vqgan(settings.autoencoder)
            _load(autoencoder, _part(checkpoint.tensors, "autoencoder"))
    with memory_errors_explained("Use --device cpu, or a smaller model."):
        return VqganGenerator(
            settings,
            channels_last(autoencoder.to(device)),
            transformer.to(device),
            _later(settings, checkpoint, name, device),
            checkpoint.sha256,
            chosen,
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


def _later(
    settings: VqganGeneratorSettings, checkpoint: Checkpoint, name: str, device: torch.device
) -> Callable[[], ImportanceNetwork] | None:
    """Return what makes the importance network: it may be large, and sampling needs none."""
    shape = settings.importance
    if shape is None:
        return None
    prefix = "importance."  # a copy: the rest of the file need not stay in memory
    stored = {n: t.clone() for n, t in checkpoint.tensors.items() if n.startswith(prefix)}

    def load() -> ImportanceNetwork:
        with _misfits_explained(name):
            grid = settings.autoencoder.latent_shape(settings.size)
            width = settings.autoencoder.embedding
            network = ImportanceNetwork(shape, width, len(settings.classes), grid)
            _load(network, _part(stored, "importance"))
        return network.to(device)

    return load


def _transformer(
    settings: VqganGeneratorSettings,
    checkpoint: Checkpoint,
    device: torch.device,
    precision: Precision,
) -> TokenTransformer | PackedTransformer:
    prefix = f"{_TRANSFORMER}."
    shape = settings.transformer
    if device.type == "cpu" and shape.causal:
        state = {
            name.removeprefix(prefix): tensor
            for name, tensor in checkpoint.tensors.items()
            if name.startswith(prefix)
        }
        threads = torch.get_num_threads()
        return PackedTransformer(shape, state, precision=precision, threads=threads)
    transformer = TokenTransformer(shape)
    _load(transformer, _part(checkpoint.tensors, _TRANSFORMER))
    return transformer.to(dtype_of(precision))


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    prefix = f"{part}."
    return {
        name.removeprefix(prefix): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _load(network: torch.nn.Module, state: dict[str, Tensor]) -> None:
    """Load weights; only what training alone needs may be missing."""
    missing, unexpected = network.load_state_dict(state, strict=False)
    wrong = [*unexpected, *(name for name in missing if not _only_for_training(name))]
    if wrong:
        raise RuntimeError(f"{wrong[0]} is missing or unknown")


def _only_for_training(name: str) -> bool:
    return name.rpartition(".")[2] in EmaQuantiser.TRAINING_BUFFERS

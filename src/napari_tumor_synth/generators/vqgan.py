"""The 3D-VQGAN family: tokens from a transformer, ROIs from their decoder.

Sources: Zhou et al. 2023 (unconditional), Zhou and Khalvati 2024 (class-conditional).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.errors import InputError, UnknownClassError
from napari_tumor_synth.generators.devices import full_precision, memory_errors_explained
from napari_tumor_synth.generators.precision import decoder_precision, dtype_of
from napari_tumor_synth.generators.provenance import DecodingSettings, Provenance
from napari_tumor_synth.generators.seeds import in_batches, require_in_range
from napari_tumor_synth.generators.synthetic import SyntheticRoi, synthetic_roi
from napari_tumor_synth.generators.vqgan_drawing import draw_tokens, samples_together
from napari_tumor_synth.generators.vqgan_memory import SamplingBytes
from napari_tumor_synth.generators.vqgan_records import (
    new_record,
    require_drawn,
    require_unaltered,
    tokens_of,
)
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.importance import ImportanceNetwork
from napari_tumor_synth.networks.packed.matrices import Precision
from napari_tumor_synth.networks.packed.transformer import PackedTransformer
from napari_tumor_synth.networks.trained_decoder import TrainedDecoder
from napari_tumor_synth.networks.transformer import TokenTransformer, to_codes
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_SPARE_MEMORY = "Close other programs, or use --device cpu."


class VqganGenerator:
    """Samples, reconstructs and explains ROIs.

    Parameters
    ----------
    settings : VqganGeneratorSettings
        What the networks are.
    autoencoder : callable
        Returns the trained autoencoder, on the transformer's device. Called at once, for the
        decoder, and again when its encoder is first needed: sampling holds none.
    transformer : Module
        Trained, on its device.
    importance : callable, optional
        Returns the trained importance network on that device; called when first needed.
    sha256 : str
        Hash of the checkpoint file, for provenance.
    precision : {"float32", "bfloat16", "int8"}
        Of the transformer as it was given. The decoder computes in bfloat16 below float32, where
        the device is fast at it.
    memory : SamplingBytes
        What sampling takes, as estimated.
    """

    def __init__(
        self,
        settings: VqganGeneratorSettings,
        autoencoder: Callable[[], Vqgan],
        transformer: TokenTransformer | PackedTransformer,
        importance: Callable[[], ImportanceNetwork] | None,
        sha256: str,
        precision: Precision,
        memory: SamplingBytes,
    ) -> None:
        self.settings, self.sha256, self._memory = settings, sha256, memory
        self.name, self.classes = settings.name, settings.classes
        self.sequences, self.size = settings.sequences, settings.size
        self.spacing_mm, self.default_decoding = settings.spacing_mm, settings.decoding
        self.mask_threshold = settings.mask_threshold
        self._load_autoencoder = autoencoder
        self.transformer = transformer.eval()
        self.precision: str = precision
        decoding = decoder_precision(precision, transformer.device)
        self.decoder_precision: str = decoding
        loaded = autoencoder().eval()
        self.quantiser = loaded.quantiser
        self.decoder = TrainedDecoder(
            loaded, dtype_of(decoding), joined=transformer.device.type == "cpu"
        )
        self._load_importance = importance
        self.grid = settings.autoencoder.latent_shape(settings.size)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.transformer.device

    @cached_property
    def autoencoder(self) -> Vqgan:
        """The autoencoder as it was trained."""
        return self._load_autoencoder().eval()

    @cached_property
    def importance_network(self) -> ImportanceNetwork | None:
        """What scores regions, if the model has it; sampling does not need it."""
        return self._load_importance().eval() if self._load_importance is not None else None

    def memory_for(self, samples: int) -> int:
        """Return the bytes that drawing so many samples takes at most, as estimated."""
        return self._memory.peak(min(samples, samples_together(self.settings, self.transformer)))

    def require(
        self, classes: Sequence[str], seeds: Sequence[int], decoding: DecodingSettings
    ) -> None:
        """Make sure that `sample` can do what is asked for, before any work is done.

        Raises
        ------
        UnknownClassError, InputError
            As `sample`.
        """
        for class_name in classes:
            if class_name not in self.classes:
                raise UnknownClassError(
                    f"{self.name} has no class {class_name!r}.",
                    f"Choose one of: {', '.join(self.classes)}.",
                )
        require_in_range(seeds)
        self._resolved(decoding)

    def sample(
        self,
        class_name: str,
        seeds: Sequence[int],
        decoding: DecodingSettings | None = None,
        *,
        on_progress: OnProgress = ignore_progress,
    ) -> list[SyntheticRoi]:
        """Make one ROI per seed.

        Parameters
        ----------
        class_name : str
            One of `classes`.
        seeds : sequence of int
            0 to 2^32 - 1. A sample depends on its own seed only.
        decoding : DecodingSettings, optional
            How tokens are drawn; None takes the model's own settings.

        Raises
        ------
        UnknownClassError
            The message lists the classes.
        InputError
            A seed is out of range, or the model cannot decode the way asked for.
        MemoryLimitError
            The device's memory does not suffice.
        """
        chosen = self._resolved(decoding or self.default_decoding)
        self.require([class_name], seeds, chosen)
        samples: list[SyntheticRoi] = []
        for batch in in_batches(seeds, samples_together(self.settings, self.transformer)):
            done = len(samples)

            def report(progress: Progress, done: int = done, batch: Sequence[int] = batch) -> None:
                share = progress.step / progress.total
                step = done * progress.total + round(share * len(batch) * progress.total)
                total = len(seeds) * progress.total
                on_progress(Progress(step, total, progress.message))

            tokens = self._drawn(class_name, batch, chosen, report)
            samples += [
                self._finished(row, new_record(self, class_name, seed, chosen, row))
                for seed, row in zip(batch, tokens, strict=True)
            ]
        return samples

    def repeat(
        self, record: Provenance, *, on_progress: OnProgress = ignore_progress
    ) -> SyntheticRoi:
        """Decode a sample again from the tokens of its record.

        On the same device, with the same versions, the image is equal bit for bit; elsewhere it
        may differ by rounding, but not in its tokens. Only for a record without a seal are tokens
        drawn anew: nothing else tells that they are those of its class and seed.

        Raises
        ------
        UnknownClassError, InputError
            The record was changed after it was written, or is not of this model.
        """
        require_unaltered(record)
        self.require([record.class_name], [record.seed], record.decoding)
        tokens = tokens_of(record, self.settings)
        if record.seal is None:
            chosen = self._resolved(record.decoding)
            drawn = self._drawn(record.class_name, [record.seed], chosen, on_progress)
            require_drawn(record, tokens, drawn[0], self.device.type)
        again = new_record(self, record.class_name, record.seed, record.decoding, tokens)
        if record.copy_check is not None:  # the same ROI is as near to a real one as before
            again = again.model_copy(update={"copy_check": record.copy_check}).sealed()
        return self._finished(tokens, again)

    def decode_tokens(self, tokens: Tensor) -> NDArray[np.float32]:
        """Return what the decoder makes of tokens: ``(B, C, S, A, R)`` in [-1, 1]."""
        with _computing():
            codes = to_codes(tokens.to(self.device), self.grid)
            vectors = self.quantiser.vectors_of(codes)
            image: NDArray[np.float32] = self.decoder(vectors).cpu().numpy()
        return image

    def reconstruct(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode and decode an ROI ``(C, S, A, R)`` on the generator's grid."""
        with _computing():
            quantised = self.autoencoder.quantise(self.autoencoder.encode(self._tensor(image)))
            decoded: NDArray[np.float32] = self.decoder(quantised.vectors)[0].cpu().numpy()
        return decoded

    def importance(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return importance scores ``(S, A, R)`` in (0, 1) of an ROI ``(C, S, A, R)``.

        For a generated ROI these are the scores of the decoded image, encoded again.

        Raises
        ------
        InputError
            The model has no importance network.
        """
        with _computing():
            network = self.importance_network
        if network is None:
            raise InputError(
                f"{self.name} was trained without importance scores.", "Choose another model."
            )
        with _computing():
            scores = network.scores(self.autoencoder.encode(self._tensor(image)))
            return (
                torch.nn.functional.interpolate(
                    scores[:, None], size=self.size, mode="trilinear", align_corners=False
                )[0, 0]
                .cpu()
                .numpy()
            )

    def _drawn(
        self,
        class_name: str,
        seeds: Sequence[int],
        decoding: DecodingSettings,
        on_progress: OnProgress,
    ) -> Tensor:
        with _computing():
            return draw_tokens(
                self.settings, self.transformer, class_name, seeds, decoding, on_progress
            )

    def _finished(self, tokens: Tensor, record: Provenance) -> SyntheticRoi:
        return synthetic_roi(self.decode_tokens(tokens[None])[0], record, self.mask_threshold)

    def _tensor(self, image: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(image))[None].to(self.device)

    def _resolved(self, decoding: DecodingSettings) -> DecodingSettings:
        way = "autoregressive" if self.settings.transformer.causal else "parallel"
        if decoding.decode not in ("auto", way):
            raise InputError(
                f"{self.name} was trained for {way} decoding, not {decoding.decode}.",
                f"Use --decode {way}.",
            )
        return decoding.model_copy(update={"decode": way})


@contextmanager
def _computing() -> Iterator[None]:
    with torch.inference_mode(), full_precision(), memory_errors_explained(_SPARE_MEMORY):
        yield

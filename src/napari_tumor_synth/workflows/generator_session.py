"""A generator that stays loaded between requests."""

import gc
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import DeviceLostError
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.families import Generator
from napari_tumor_synth.generators.provenance import Provenance
from napari_tumor_synth.generators.synthetic import SyntheticRoi
from napari_tumor_synth.imaging.roi import Roi
from napari_tumor_synth.progress import OnProgress, ignore_progress
from napari_tumor_synth.workflows.generate import merged_decoding, open_generator
from napari_tumor_synth.workflows.inspect_roi import as_seen_by, importance_on

_Key = tuple[Path, int, int, str]


class GeneratorSession:
    """Loads a generator when it is first asked for, and again when model, file or device changes.

    Calls may come from any thread; they wait for each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: _Key | None = None
        self._generator: Generator | None = None

    def sample(
        self,
        model: str | None,
        device: str,
        class_name: str,
        seeds: Sequence[int],
        decoding: Mapping[str, Any] | None = None,
        *,
        on_progress: OnProgress = ignore_progress,
    ) -> list[SyntheticRoi]:
        """Make one ROI per seed; see `Generator.sample` for what may be raised.

        `decoding` holds what differs from the model's own settings.
        """
        with self._lock, self._forgetting_lost_devices():
            generator = self._opened(model, device)
            chosen = merged_decoding(generator, decoding or {})
            return generator.sample(class_name, seeds, chosen, on_progress=on_progress)

    def repeat(self, model: str | None, device: str, record: Provenance) -> SyntheticRoi:
        """Make a sample again from its record; CheckpointError for another model's."""
        with self._lock, self._forgetting_lost_devices():
            return self._opened(model, device, record.model_sha256).repeat(record)

    def importance(self, model: str | None, device: str, roi: Roi) -> NDArray[np.float32]:
        """Return importance scores ``(S, A, R)`` on the ROI's own grid; 0 outside its mask.

        For a synthetic ROI they come from encoding its image again.
        """
        with self._lock, self._forgetting_lost_devices():
            generator = self._opened(model, device)
            seen = as_seen_by(generator, roi)
            return importance_on(roi, seen, generator.importance(seen.image))

    def release(self) -> None:
        """Forget the generator, and give the memory of the device back."""
        with self._lock:
            self._forget()

    @contextmanager
    def _forgetting_lost_devices(self) -> Iterator[None]:
        """Load anew after a failure of the device: what is on it can no longer be used."""
        try:
            yield
        except DeviceLostError:
            self._generator, self._key = None, None
            raise

    def _opened(self, model: str | None, device: str, expected_sha256: str = "") -> Generator:
        path, promised = resolve_model(model)
        state = path.stat()
        key = (path, state.st_mtime_ns, state.st_size, device)
        expected = expected_sha256 or promised
        stays = self._generator is not None and key == self._key
        if stays and self._generator and expected in ("", None, self._generator.sha256):
            return self._generator
        self._forget()
        self._generator = open_generator(model, device, expected_sha256)
        self._key = key
        return self._generator

    def _forget(self) -> None:
        if self._generator is None:
            return
        on_gpu = self._generator.device.type == "cuda"
        self._generator, self._key = None, None
        gc.collect()
        if on_gpu:
            import torch

            torch.cuda.empty_cache()

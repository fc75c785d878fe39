"""A generator that stays loaded between requests."""

import gc
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import DeviceLostError
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.checkpoint import version_of_file
from napari_tumor_synth.generators.families import Generator
from napari_tumor_synth.generators.provenance import Provenance
from napari_tumor_synth.generators.synthetic import SyntheticRoi
from napari_tumor_synth.imaging.roi import Roi
from napari_tumor_synth.progress import Cancelled, OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.generate import merged_decoding, open_generator
from napari_tumor_synth.workflows.inspect_roi import as_seen_by, importance_on
from napari_tumor_synth.workflows.repeat import installed_model

_Result = TypeVar("_Result")
_Key = tuple[Path, tuple[int, int], str, str]
_SECONDS_BETWEEN_LOOKS = 0.1
_FOR_THE_WINDOW = 1  # cores


class GeneratorSession:
    """Loads a generator when it is first asked for, and again when model, file or device changes.

    Calls may come from any thread; they wait for each other, and can be cancelled meanwhile.

    Parameters
    ----------
    memory_cap_gb : callable
        Returns what a model of the catalogue may take, 0 for no cap; asked before every use.
        MemoryLimitError for a model that needs more.
    """

    def __init__(self, memory_cap_gb: Callable[[], float] = lambda: 0) -> None:
        self._memory_cap_gb = memory_cap_gb
        self._lock = threading.Lock()
        self._release_asked = False
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

        def draw(generator: Generator) -> list[SyntheticRoi]:
            chosen = merged_decoding(generator, decoding or {})
            return generator.sample(class_name, seeds, chosen, on_progress=on_progress)

        return self._run(model, device, draw, on_progress)

    def repeat(
        self,
        model: str | None,
        device: str,
        record: Provenance,
        *,
        on_progress: OnProgress = ignore_progress,
    ) -> SyntheticRoi:
        """Make a sample again from its record; CheckpointError for another model's."""

        def again(generator: Generator) -> SyntheticRoi:
            return generator.repeat(record, on_progress=on_progress)

        return self._run(model, device, again, on_progress, record.model_sha256, record.precision)

    def importance(
        self,
        model: str | None,
        device: str,
        roi: Roi | SyntheticRoi,
        *,
        on_progress: OnProgress = ignore_progress,
    ) -> NDArray[np.float32]:
        """Return importance scores ``(S, A, R)`` on the ROI's own grid; 0 outside its mask.

        Parameters
        ----------
        model : str or None
            Looks at a real ROI. At a synthetic one looks the model that made it, by encoding its
            image again.
        """
        sha256 = ""
        if isinstance(roi, SyntheticRoi):
            record, roi = roi.provenance, roi.roi
            model, sha256 = installed_model(record, "The synthetic ROI"), record.model_sha256
        own = roi

        def look(generator: Generator) -> NDArray[np.float32]:
            seen = as_seen_by(generator, own)
            return importance_on(own, seen, generator.importance(seen.image))

        return self._run(model, device, look, on_progress, sha256)

    def release(self) -> None:
        """Give the generator's memory back: at once, or when the run that uses it has ended.

        Never waits, so that a window may call it. A later request loads the generator anew.
        """
        self._release_asked = True
        self._release_if_idle()

    def _run(
        self,
        model: str | None,
        device: str,
        use: Callable[[Generator], _Result],
        on_progress: OnProgress,
        expected_sha256: str = "",
        precision: str = "auto",
    ) -> _Result:
        """Give the generator to one caller at a time, who keeps nothing of it."""
        while not self._lock.acquire(timeout=_SECONDS_BETWEEN_LOOKS):
            on_progress(Progress(0, 1, "waiting for another run"))
        try:
            on_progress(Progress(0, 1, "opening the model"))  # nothing is loaded if cancelled
            return use(self._loaded(model, device, expected_sha256, precision))
        except Cancelled as stop:
            traceback.clear_frames(stop.__traceback__)  # they hold the generator, which may go now
            raise
        except DeviceLostError:  # what is on it can no longer be used
            self._generator, self._key = None, None
            raise
        finally:
            self._lock.release()
            self._release_if_idle()

    def _release_if_idle(self) -> None:
        """Let go if asked to; whoever holds the lock calls this after giving it back."""
        while self._release_asked and self._lock.acquire(blocking=False):
            try:
                self._release_asked = False
                self._forget()
            finally:
                self._lock.release()

    def _loaded(
        self, model: str | None, device: str, expected_sha256: str, precision: str
    ) -> Generator:
        path, promised = resolve_model(model, memory_cap_gb=self._memory_cap_gb())
        key = (path, version_of_file(path), device, precision)
        expected = expected_sha256 or promised
        stays = self._generator is not None and key == self._key
        if stays and self._generator and expected in ("", None, self._generator.sha256):
            return self._generator
        self._forget()
        self._generator = open_generator(
            model, device, expected_sha256, precision=precision, reserve=_FOR_THE_WINDOW
        )
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

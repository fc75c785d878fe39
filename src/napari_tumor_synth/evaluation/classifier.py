"""A classifier of tumour types, trained apart from every generator, to judge generated ROIs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import nn

from napari_tumor_synth.errors import CheckpointError, InputError, UnknownClassError
from napari_tumor_synth.evaluation.classifier_network import ClassifierSettings, build_network
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

FAMILY = "roi-classifier"
_INFERENCE_BATCH = 8


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often the classifier sees the class that a ROI is meant to be.

    Attributes
    ----------
    share : float
        Of all ROIs.
    low, high : float
        Its 95 % Wilson interval.
    count : int
        ROIs judged.
    by_class : dict of str to float
        Share among the ROIs meant to be of each class.
    """

    share: float
    low: float
    high: float
    count: int
    by_class: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return asdict(self)


class RoiClassifier:
    """A trained classifier.

    Parameters
    ----------
    network : torch.nn.Module
        Maps ``(B, C, S, A, R)`` to class logits ``(B, classes)``.
    classes : tuple of str
        Names, in the order of the logits.
    shape : tuple of int
        ``(C, S, A, R)`` of the ROIs it was trained on; others are refused.
    settings : ClassifierSettings
        How it was made.
    provenance : mapping
        Hash of the data, figures (JSON types).
    """

    def __init__(
        self,
        network: nn.Module,
        classes: tuple[str, ...],
        shape: tuple[int, ...],
        settings: ClassifierSettings,
        provenance: Mapping[str, Any],
    ) -> None:
        self.network = network.eval()
        self.classes = classes
        self.shape = shape
        self.settings = settings
        self.provenance = dict(provenance)

    @torch.inference_mode()
    def class_probabilities(self, images: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the probability ``(N, classes)`` of each class, in float32.

        Parameters
        ----------
        images : iterable of numpy.ndarray
            ROIs ``(C, S, A, R)`` in [-1, 1]; taken a few at a time.

        Raises
        ------
        InputError
            A ROI has another shape than those of the training.
        """
        device = next(self.network.parameters()).device
        found = [np.zeros((0, len(self.classes)), np.float32)]
        for group in _groups(images, _INFERENCE_BATCH):
            self._require_shape(group)
            logits = self.network(torch.from_numpy(np.stack(group)).float().to(device))
            found.append(logits.float().softmax(dim=1).cpu().numpy())
        return np.concatenate(found)

    def agreement(self, images: Iterable[NDArray[np.float32]], classes: Sequence[str]) -> Agreement:
        """Compare the most probable class of each ROI with the class it is meant to be.

        Parameters
        ----------
        images : iterable of numpy.ndarray
            ROIs ``(C, S, A, R)`` in [-1, 1].
        classes : sequence of str
            What each is meant to be.

        Raises
        ------
        UnknownClassError
            A class that the classifier does not know.
        InputError
            No ROIs, or not one class for each, or a ROI of another shape.
        """
        meant = np.array([self._class_number(name) for name in classes], dtype=np.int64)
        seen = self.class_probabilities(images).argmax(axis=1)
        if len(seen) != len(meant) or len(seen) == 0:
            raise InputError(
                f"There are {len(seen)} ROIs and {len(meant)} classes.",
                "Give at least one ROI and one class for each.",
            )
        hits = seen == meant
        interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
        return Agreement(
            share=float(hits.mean()),
            low=float(interval.low),
            high=float(interval.high),
            count=len(hits),
            by_class={self.classes[c]: float(hits[meant == c].mean()) for c in np.unique(meant)},
        )

    def save(self, path: Path | str) -> str:
        """Write the classifier as one ``.safetensors`` file and return its SHA-256.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        settings = {
            "classes": list(self.classes),
            "shape": list(self.shape),
            "classifier": self.settings.model_dump(mode="json"),
        }
        tensors = self.network.state_dict()
        return write_checkpoint(Checkpoint(FAMILY, settings, self.provenance, tensors), path)

    @classmethod
    def load(cls, path: Path | str) -> "RoiClassifier":
        """Read a classifier that `save` wrote.

        Raises
        ------
        CheckpointError
            The file is missing, damaged or something else.
        """
        checkpoint = read_checkpoint(path, family=FAMILY)
        try:
            settings = ClassifierSettings.model_validate(checkpoint.settings["classifier"])
            classes = tuple(checkpoint.settings["classes"])
            shape = tuple(checkpoint.settings["shape"])
            network = build_network(settings, shape[0], len(classes), torch.Generator())
            network.load_state_dict(dict(checkpoint.tensors))
        except (KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"The classifier {Path(path).name} does not fit its own settings.",
                "Train it again.",
            ) from error
        return cls(network, classes, shape, settings, checkpoint.provenance)

    def _require_shape(self, images: Sequence[NDArray[np.float32]]) -> None:
        for image in images:
            if image.shape != self.shape:
                raise InputError(
                    f"A ROI of shape {image.shape} cannot be classified.",
                    f"This classifier was trained on {self.shape} (channels, S, A, R).",
                )

    def _class_number(self, name: str) -> int:
        if name not in self.classes:
            raise UnknownClassError(
                f"The classifier does not know the class {name!r}.",
                f"It knows {', '.join(self.classes)}.",
            )
        return self.classes.index(name)


def _groups(
    images: Iterable[NDArray[np.float32]], size: int
) -> Iterator[list[NDArray[np.float32]]]:
    remaining = iter(images)
    while group := list(islice(remaining, size)):
        yield group

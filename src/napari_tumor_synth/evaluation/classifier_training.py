"""How the classifier of tumour types learns."""

import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.classifier import RoiClassifier
from napari_tumor_synth.evaluation.classifier_network import ClassifierSettings, build_network
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

# The network halves a ROI four times. Where only two slabs are left, oneDNN's bfloat16 weight
# gradient of a 3 x 3 x 3 convolution reads memory that nobody wrote (torch 2.13, AVX-512).
SMALLEST_MIXED = 3 * 16


class LabelledRois(Protocol):
    """What the training needs of a ROI cache."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""

    @property
    def manifest_hash(self) -> str:
        """Hash that names the data."""

    def indices(self, split: str) -> list[int]:
        """Return the ROIs of a split: "train", "validation" or "test"."""

    def load(self, index: int) -> NDArray[np.float32]:
        """Return a ROI ``(C, S, A, R)`` in [-1, 1], background exactly -1."""

    def class_index(self, index: int) -> int:
        """Return the number of the ROI's class."""


def train_classifier(
    rois: LabelledRois,
    settings: ClassifierSettings | None = None,
    *,
    device: torch.device | str = "cpu",
    on_progress: OnProgress = ignore_progress,
) -> RoiClassifier:
    """Train on the training split and measure on the validation split.

    The weights after the last step are kept, whatever the validation says, so that its figure is
    not a choice of the best.

    Parameters
    ----------
    rois : LabelledRois
        E.g. a ROI cache.
    settings : ClassifierSettings, optional
        The same settings, data, device and number of threads give the same classifier.
    device : torch.device or str
        Where to train.
    on_progress : callable
        Called after each step.

    Returns
    -------
    RoiClassifier
        On the processor. Its `provenance` holds ``data`` (hash), ``steps`` and, where there are
        validation ROIs, ``validation`` (an `Agreement`).

    Raises
    ------
    InputError
        The training split lacks ROIs of a class.
    Cancelled
        Raised by `on_progress`.
    """
    settings = settings or ClassifierSettings()
    train = np.array(rois.indices("train"), dtype=np.int64)
    labels = np.array([rois.class_index(int(index)) for index in train], dtype=np.int64)
    weights = _class_weights(labels, rois.classes).to(device)
    shape = rois.load(int(train[0])).shape
    generator = torch.Generator().manual_seed(settings.seed)
    network = build_network(settings, shape[0], len(rois.classes), generator).to(device)
    network = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    mixed = settings.bfloat16 and min(shape[1:]) >= SMALLEST_MIXED
    steps_an_epoch = max(1, len(train) // settings.batch)
    total = settings.epochs * steps_an_epoch
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=settings.weight_decay)

    network.train()
    for epoch in range(settings.epochs):
        order = torch.randperm(len(train), generator=generator).numpy()
        for number in range(steps_an_epoch):
            step = epoch * steps_an_epoch + number
            chosen = order[number * settings.batch : (number + 1) * settings.batch]
            images = np.stack([rois.load(int(index)) for index in train[chosen]])
            inputs = augment(torch.from_numpy(images).float(), settings.blur, generator)
            target = torch.from_numpy(labels[chosen]).to(device)
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * _schedule(step, total)
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=mixed):
                logits = network(inputs.to(device, memory_format=torch.channels_last_3d))
            loss = F.cross_entropy(
                logits.float(), target, weights, label_smoothing=settings.label_smoothing
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            on_progress(Progress(step + 1, total, f"classifier: loss {loss.item():.3f}"))

    network = network.to("cpu", memory_format=torch.contiguous_format)
    classifier = RoiClassifier(
        network, tuple(rois.classes), shape, settings, {"data": rois.manifest_hash}
    )
    classifier.provenance |= {"steps": total, **_validation(classifier, rois)}
    return classifier


def images_of(rois: LabelledRois, indices: Iterable[int]) -> Iterable[NDArray[np.float32]]:
    """Load ROIs one after the other."""
    return (rois.load(index) for index in indices)


def class_names_of(rois: LabelledRois, indices: Iterable[int]) -> list[str]:
    """Return the names of the classes of ROIs."""
    return [rois.classes[rois.class_index(index)] for index in indices]


def augment(images: Tensor, blur: float, generator: torch.Generator) -> Tensor:
    """Mirror each ROI along random axes, vary its intensities a little, and blur half of them.

    Parameters
    ----------
    images : torch.Tensor
        ``(B, C, S, A, R)`` in [-1, 1], background exactly -1, which it stays.
    blur : float
        Largest standard deviation in voxels.
    generator : torch.Generator
        Where all is drawn from.
    """
    changed = []
    for image in images:
        mirrored = [axis + 1 for axis in range(3) if torch.rand((), generator=generator) < 0.5]
        image = image.flip(mirrored)
        tumour = image > -1
        if torch.rand((), generator=generator) < 0.5:
            image = _blur(image, blur * float(torch.rand((), generator=generator)))
        gain, offset = (2 * torch.rand(2, generator=generator) - 1).tolist()
        image = ((1 + 0.1 * gain) * image + 0.1 * offset).clamp(-0.9, 1)
        changed.append(torch.where(tumour, image, -1.0))
    return torch.stack(changed)


def _blur(image: Tensor, sigma: float) -> Tensor:
    """Blur ``(C, S, A, R)`` by a Gaussian of five taps."""
    if sigma < 0.1:
        return image
    weights = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-2, 3)]
    volume = image + 1  # so that padding with 0 is background
    for axis in (1, 2, 3):
        padded = F.pad(volume, [0, 0] * (3 - axis) + [2, 2])
        volume = torch.zeros_like(image)
        for start, weight in enumerate(weights):
            part = padded.narrow(axis, start, image.shape[axis])
            volume = volume.add_(part, alpha=weight / sum(weights))
    return volume - 1


def _class_weights(labels: NDArray[np.int64], classes: tuple[str, ...]) -> Tensor:
    counts = np.bincount(labels, minlength=len(classes))
    if len(classes) < 2 or not counts.all():
        found = ", ".join(f"{n} of {name}" for name, n in zip(classes, counts, strict=True))
        raise InputError(
            f"A classifier cannot learn from this training split: {found or 'no classes'}.",
            "Prepare a cohort with ROIs of two classes or more.",
        )
    return torch.from_numpy(counts.sum() / (len(classes) * counts)).float()


def _schedule(step: int, total: int) -> float:
    warm_up = max(1, total // 20)
    rising = min(1.0, (step + 1) / warm_up)
    return rising * 0.5 * (1 + math.cos(math.pi * step / total))


def _validation(classifier: RoiClassifier, rois: LabelledRois) -> dict[str, object]:
    indices = rois.indices("validation")
    if not indices:
        return {}
    names = class_names_of(rois, indices)
    return {"validation": classifier.agreement(images_of(rois, indices), names).as_json()}

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from sklearn.metrics import accuracy_score, recall_score

from napari_tumor_synth.errors import CheckpointError, InputError, UnknownClassError
from napari_tumor_synth.evaluation.classifier import RoiClassifier
from napari_tumor_synth.evaluation.classifier_network import ClassifierSettings
from napari_tumor_synth.evaluation.classifier_training import (
    augment,
    class_names_of,
    images_of,
    train_classifier,
)
from napari_tumor_synth.progress import Cancelled

QUICK = ClassifierSettings(widen=0.125, epochs=12, batch=8, blur=0.5)


@dataclasses.dataclass
class Textures:
    """Tumours of one shape whose class shows in the grain of their texture only."""

    images: np.ndarray
    labels: list[int]
    splits: dict[str, list[int]]
    classes: tuple[str, ...] = ("LGG", "HGG")
    manifest_hash: str = "0123"

    def indices(self, split):
        return self.splits[split]

    def load(self, index):
        return self.images[index]

    def class_index(self, index):
        return self.labels[index]


def textures(count=128, size=24, seed=0, channels=1):
    rng = np.random.default_rng(seed)
    ball = sum((i - size / 2) ** 2 for i in np.indices((size,) * 3)) < (size / 2.5) ** 2
    images, labels = [], []
    for number in range(count):
        label = number % 2
        noise = rng.standard_normal((channels, size, size, size))
        grain = gaussian_filter(noise, (0, *[0.6 if label else 2.5] * 3))
        grain = np.clip(0.3 * grain / grain.std(), -0.9, 1)
        images.append(np.where(ball, grain, -1).astype(np.float32))
        labels.append(label)
    third = count // 4
    order = list(range(count))
    splits = {
        "train": order[2 * third :],
        "validation": order[:third],
        "test": order[third : 2 * third],
    }
    return Textures(np.stack(images), labels, splits)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny networks lose more by threads waiting for each other than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def rois():
    return textures()


@pytest.fixture(scope="module")
def classifier(rois):
    return train_classifier(rois, QUICK)


def test_it_learns_texture_and_reports_held_out_agreement(rois, classifier):
    test = rois.indices("test")
    agreement = classifier.agreement(images_of(rois, test), class_names_of(rois, test))
    assert agreement.share >= 0.9
    assert agreement.count == len(test)
    assert classifier.provenance["data"] == "0123"
    assert classifier.provenance["steps"] == 12 * 8
    assert classifier.provenance["validation"]["count"] == 32
    assert json.loads(json.dumps(classifier.provenance)) == classifier.provenance


def test_probabilities_add_up_and_do_not_depend_on_the_batch(rois, classifier):
    images = list(images_of(rois, range(11)))
    together = classifier.class_probabilities(images)
    assert together.shape == (11, 2)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together.sum(1), 1, rtol=1e-6)
    alone = np.concatenate([classifier.class_probabilities([image]) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert classifier.class_probabilities([]).shape == (0, 2)


def test_agreement_agrees_with_scikit_learn_and_wilsons_formula(rois, classifier):
    images = list(images_of(rois, range(20)))
    seen = [classifier.classes[k] for k in classifier.class_probabilities(images).argmax(1)]
    meant = [("HGG" if name == "LGG" else "LGG") if n < 6 else name for n, name in enumerate(seen)]
    agreement = classifier.agreement(images, meant)
    assert agreement.share == pytest.approx(accuracy_score(meant, seen))
    assert agreement.share == pytest.approx(14 / 20)
    recalls = recall_score(meant, seen, labels=["LGG", "HGG"], average=None)
    assert list(agreement.by_class.values()) == pytest.approx(list(recalls))
    p, n, z = 0.7, 20, 1.959963984540054
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (agreement.low, agreement.high) == pytest.approx((centre - half, centre + half))
    assert json.loads(json.dumps(agreement.as_json())) == agreement.as_json()


def test_the_seed_decides_and_global_random_state_stays_untouched(rois):
    settings = QUICK.model_copy(update={"epochs": 1})
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = train_classifier(rois, settings)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    again = train_classifier(rois, settings)
    other = train_classifier(rois, settings.model_copy(update={"seed": 1}))
    weights = [c.network.state_dict() for c in (first, again, other)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not torch.equal(weights[0]["fc.weight"], weights[2]["fc.weight"])


def test_mixed_precision_gives_the_same_classifier_twice():
    # 48 voxels are the smallest ROI trained in bfloat16; smaller ones met garbage gradients.
    rois = textures(count=16, size=48)
    settings = ClassifierSettings(widen=0.125, epochs=1, bfloat16=True)
    first, again = (train_classifier(rois, settings).network.state_dict() for _ in range(2))
    full = train_classifier(rois, settings.model_copy(update={"bfloat16": False}))
    weight = "conv1.weight"
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first[weight], full.network.state_dict()[weight])
    torch.testing.assert_close(first[weight], full.network.state_dict()[weight], atol=0.01, rtol=0)


def test_a_saved_classifier_gives_the_same_probabilities(rois, classifier, tmp_path):
    path = tmp_path / "classifier.safetensors"
    sha256 = classifier.save(path)
    loaded = RoiClassifier.load(path)
    images = list(images_of(rois, range(5)))
    np.testing.assert_array_equal(
        loaded.class_probabilities(images), classifier.class_probabilities(images)
    )
    assert loaded.classes == ("LGG", "HGG")
    assert loaded.shape == (1, 24, 24, 24)
    assert loaded.settings == QUICK
    assert loaded.provenance == classifier.provenance
    assert len(sha256) == 64


def test_what_is_no_classifier_is_refused(tmp_path, classifier):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        RoiClassifier.load(tmp_path / "missing.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(CheckpointError, match="not written by"):
        RoiClassifier.load(other)
    mixed = RoiClassifier(torch.nn.Linear(2, 2), classifier.classes, classifier.shape, QUICK, {})
    mixed.save(other)
    with pytest.raises(CheckpointError, match="does not fit"):
        RoiClassifier.load(other)


def test_what_cannot_be_classified_is_refused(rois, classifier):
    image = rois.load(0)
    with pytest.raises(InputError, match=r"\(1, 24, 24, 23\)"):
        classifier.class_probabilities([image, image[..., :-1]])
    with pytest.raises(UnknownClassError, match="LGG, HGG"):
        classifier.agreement([image], ["glioma"])
    with pytest.raises(InputError, match="2 classes"):
        classifier.agreement([image], ["LGG", "HGG"])
    with pytest.raises(InputError, match="0 ROIs"):
        classifier.agreement([], [])


def test_several_channels_are_accepted():
    rois = textures(count=16, channels=2)
    classifier = train_classifier(rois, QUICK.model_copy(update={"epochs": 1}))
    assert classifier.shape == (2, 24, 24, 24)
    assert classifier.class_probabilities([rois.load(0)]).shape == (1, 2)


def test_a_split_without_one_of_the_classes_is_refused(rois):
    only_even = [index for index in rois.indices("train") if index % 2 == 0]
    one_class = dataclasses.replace(rois, splits=rois.splits | {"train": only_even})
    with pytest.raises(InputError, match="0 of HGG"):
        train_classifier(one_class, QUICK)
    nothing = dataclasses.replace(rois, splits=rois.splits | {"train": []})
    with pytest.raises(InputError, match="0 of LGG, 0 of HGG"):
        train_classifier(nothing, QUICK)


def test_training_without_a_validation_split_says_nothing_of_it(rois):
    bare = dataclasses.replace(rois, splits=rois.splits | {"validation": []})
    classifier = train_classifier(bare, QUICK.model_copy(update={"epochs": 1}))
    assert "validation" not in classifier.provenance


def test_progress_is_reported_and_can_cancel(rois):
    steps = []

    def listen(progress):
        steps.append((progress.step, progress.total))
        if progress.step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_classifier(rois, QUICK, on_progress=listen)
    assert steps == [(1, 96), (2, 96)]


def test_augmentation_keeps_background_range_and_mask(rois):
    images = torch.from_numpy(rois.images[:8])
    changed = augment(images, 1.0, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape
    tumour = changed > -1
    assert (changed[~tumour] == -1).all()
    assert changed[tumour].min() >= -0.9
    assert changed.max() <= 1
    for before, after in zip(images, tumour, strict=True):
        assert after.sum() == (before > -1).sum()
    again = augment(images, 1.0, torch.Generator().manual_seed(0))
    assert torch.equal(changed, again)
    assert not torch.equal(changed, augment(images, 1.0, torch.Generator().manual_seed(1)))


def test_augmentation_mirrors_each_axis_half_of_the_time():
    image = torch.full((1, 4, 4, 4), -1.0)
    image[0, 0, 0, 0] = 0.5
    changed = augment(image.expand(400, -1, -1, -1, -1), 0.0, torch.Generator().manual_seed(2))
    where = (changed[:, 0] > -1).nonzero()[:, 1:]
    assert len(where) == 400
    share = (where == 3).double().mean(0)
    assert ((share - 0.5).abs() < 4 * 0.5 / 20).all()


def test_blur_agrees_with_scipy_inside_the_tumour():
    images = torch.from_numpy(textures(count=1).images)
    sigmas = []
    for seed in range(30):
        changed = augment(images, 1.0, torch.Generator().manual_seed(seed))
        mirrored_back = [
            changed.flip(axes) for axes in ([], [2], [3], [4], [2, 3], [2, 4], [3, 4], [2, 3, 4])
        ]
        sigmas.append(min(_sigma_that_explains(images[0, 0], c[0, 0]) for c in mirrored_back))
    assert min(sigmas) == 0
    assert 0.5 < max(sigmas) <= 1


def _sigma_that_explains(image, changed):
    """Return the blur after which intensities are a straight line of each other, or infinity."""
    inside = (image > -1).numpy()
    if not np.array_equal(inside, (changed > -1).numpy()):
        return math.inf
    free = inside & (changed > -0.9).numpy() & (changed < 1).numpy()
    for sigma in np.linspace(0, 1, 101):
        blurred = gaussian_filter(image.numpy() + 1, sigma, radius=2, mode="constant")
        if np.corrcoef(blurred[free], changed.numpy()[free])[0, 1] > 0.9999:
            return sigma
    return math.inf

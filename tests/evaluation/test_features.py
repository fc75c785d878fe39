"""What networks see: the right planes, fixed weights, and files that are what they say."""

import hashlib

import numpy as np
import pytest
import torch
from monai.networks.nets import resnet
from safetensors.torch import save_file

import ssim_blobs
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.features.extractor import Features
from napari_tumor_synth.evaluation.features.slice_network import SliceNetwork, efficientnet_lite0
from napari_tumor_synth.evaluation.features.slices import MOST, SliceSelection, slices_of
from napari_tumor_synth.evaluation.features.user_weights import user_network
from napari_tumor_synth.evaluation.features.volume_network import random_network, vqgan_encoder
from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.generators.families import load_generator
from tiny_vqgan import tiny_settings, write_tiny

CPU = torch.device("cpu")


def brick():
    """A block that is 3 voxels deep (S), 5 (A) and 7 (R), brighter to the patient's right."""
    image = np.full((1, 16, 18, 20), -1, np.float32)
    ramp = np.linspace(-0.5, 0.5, 7, dtype=np.float32)
    image[0, 2:5, 4:9, 6:13] = ramp  # the last R index is the patient's right
    return image


def test_slices_are_those_of_each_plane_as_displayed():
    image = brick()
    axial, coronal, sagittal = (
        slices_of(image, plane) for plane in ("axial", "coronal", "sagittal")
    )
    assert axial.shape == (3, 1, 18, 20)
    assert coronal.shape == (5, 1, 16, 20)
    assert sagittal.shape == (7, 1, 16, 18)
    held = np.argwhere(axial[0, 0] > -1)
    assert held.min(axis=0).tolist() == [18 - 9, 20 - 13]
    first, last = axial[0, 0][held[0][0]][axial[0, 0][held[0][0]] > -1][[0, -1]]
    assert first > last  # the patient's right is on the left of the screen
    assert np.argwhere(coronal[0, 0] > -1).min(axis=0).tolist() == [16 - 5, 20 - 13]


def test_at_most_some_slices_evenly_spaced():
    image = np.full((2, 40, 40, 40), -1, np.float32)
    image[:, 3:35] = np.linspace(-0.9, 0.9, 32, dtype=np.float32)[:, None, None]
    slices = slices_of(image, "axial")
    assert slices.shape == (MOST, 2, 40, 40)
    values = slices[:, 0, 0, 0]
    assert values[[0, -1]] == pytest.approx([-0.9, 0.9])
    assert np.ptp(np.diff(values)) < 0.07
    with pytest.raises(InputError, match="no tumour"):
        slices_of(np.full((1, 8, 8, 8), -1, np.float32), "axial")


def test_other_choices_of_slices():
    image = brick()
    image[0, 8, 1, 1] = 0.4  # a far voxel: slices that hold tumour are 2, 3, 4 and 8

    def axial(**choice):
        return SliceSelection(**choice).indices(image, "axial").tolist()

    assert axial() == [2, 3, 4, 8]
    assert axial(most=2) == [2, 8]
    assert axial(centre=0.5) == [3, 4]
    assert axial(tumour=False, most=None) == list(range(16))
    assert axial(tumour=False, most=None, centre=0.4) == [5, 6, 7, 8, 9, 10]
    assert len(SliceSelection(most=None).indices(image, "sagittal")) == 8
    with pytest.raises(InputError, match="no tumour"):
        SliceSelection(tumour=False).indices(np.full((1, 8, 8, 8), -1, np.float32), "axial")
    for wrong in ({"centre": 0.0}, {"centre": 1.5}, {"most": 0}):
        with pytest.raises(InputError, match="No slices"):
            SliceSelection(**wrong)


def test_the_choice_of_slices_is_told_and_obeyed():
    def count(colours):
        return colours.mean(dim=(2, 3))

    chosen = SliceSelection(tumour=False, most=None)
    network = SliceNetwork("n", "w", "", count, (0.5,) * 3, (0.5,) * 3, CPU, chosen)
    image = np.full((1, 70, 8, 8), -0.5, np.float32)
    image[0, 66:] = 0.5
    found = network.extract(image, "axial")  # more slices than are seen together
    assert found[:, 0] == pytest.approx([-0.5] * 66 + [0.5] * 4)
    assert network.sees == "all slices"
    assert "all slices" in network.description
    assert "at most 8" in SliceNetwork("n", "w", "", count, (0,) * 3, (1,) * 3, CPU).sees


def test_intensities_are_mapped_alike_whatever_the_set():
    seen = []

    def watch(colours):
        seen.append(colours)
        return colours.mean(dim=(2, 3))

    network = SliceNetwork("n", "w", "", watch, (0.5,) * 3, (0.25,) * 3, CPU)
    dim = np.full((1, 8, 8, 8), -0.5, np.float32)
    features = network.extract(dim, "coronal")
    assert features == pytest.approx(np.full((8, 3), (0.25 - 0.5) / 0.25))
    assert seen[0].shape == (8, 3, 128, 128)
    assert (seen[0][:, 0] == seen[0][:, 2]).all()
    with pytest.raises(ValueError, match="no volume"):
        network.extract(dim, "volume")


@pytest.fixture(scope="module")
def lite0():
    return efficientnet_lite0(CPU)


def test_efficientnet_lite0_tells_textures_apart(lite0):
    rng = np.random.default_rng(0)
    smooth, also_smooth = (ssim_blobs.tumour(rng, 32, 2.0)[None] for _ in range(2))
    rough = ssim_blobs.blob(rng, 32)[None]
    means = [lite0.extract(image, "axial").mean(0) for image in (smooth, also_smooth, rough)]
    assert means[0].shape == (1280,)
    near, far = (np.linalg.norm(means[0] - other) for other in means[1:])
    assert far > 1.3 * near
    assert len(lite0.sha256) == 64
    assert "ImageNet" in lite0.description


def test_several_sequences_stand_side_by_side(lite0):
    one = ssim_blobs.tumour(np.random.default_rng(1), 24, 1.2)
    both = lite0.extract(np.stack([one, one]), "sagittal")
    alone = lite0.extract(one[None], "sagittal")
    assert both.shape[1] == 2 * alone.shape[1]
    assert both[:, : alone.shape[1]] == pytest.approx(alone, abs=1e-4)
    assert both[:, alone.shape[1] :] == pytest.approx(alone, abs=1e-4)


def test_the_random_network_is_always_the_same():
    torch.manual_seed(1)
    first = random_network(CPU)
    torch.manual_seed(2)
    second = random_network(CPU)
    image = ssim_blobs.tumour(np.random.default_rng(0), 24, 1.2)[None]
    assert (first.extract(image, "volume") == second.extract(image, "volume")).all()
    assert first.sha256 == second.sha256
    assert first.sha256.startswith("05d1cefe38e4")
    assert first.extract(np.concatenate([image, image]), "volume").shape == (1, 512)
    with pytest.raises(ValueError, match="no slices"):
        first.extract(image, "axial")


def test_the_encoder_of_a_generator(tmp_path):
    path = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    generator = load_generator(path, CPU)
    encoder = vqgan_encoder(generator)
    image = ssim_blobs.tumour(np.random.default_rng(0), 16, 1.2)[None]
    found = encoder.extract(image, "volume")
    with torch.inference_mode():
        latent = generator.autoencoder.encode(torch.from_numpy(image[None])).numpy()[0]
    expected = np.concatenate([latent.mean(axis=(1, 2, 3)), latent.max(axis=(1, 2, 3))])
    assert found[0] == pytest.approx(expected, abs=1e-6)
    assert encoder.sha256 == generator.sha256
    with pytest.raises(InputError, match="1 x 16 x 16 x 16"):
        encoder.extract(ssim_blobs.tumour(np.random.default_rng(0), 24, 1.2)[None], "volume")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights as MedicalNet's files name them: of several GPUs, with a head."""
    torch.manual_seed(0)
    network = resnet.resnet10(
        spatial_dims=3, n_input_channels=1, feed_forward=False, bias_downsample=False
    )
    named = {f"module.{key}": value.contiguous() for key, value in network.state_dict().items()}
    named["module.conv_seg.0.weight"] = torch.zeros(3)
    path = tmp_path_factory.mktemp("weights") / "resnet_10.safetensors"
    save_file(named, path)
    return path


def test_weights_of_the_user(weights):
    found = sha256_of_file(weights)
    network = user_network("resnet10-3d", weights, found.upper(), CPU)
    image = ssim_blobs.tumour(np.random.default_rng(0), 32, 1.2)[None]
    features = network.extract(image, "volume")
    assert features.shape == (1, 1024)
    assert np.ptp(features) > 0
    assert network.sha256 == found
    assert "resnet_10.safetensors" in network.description
    again = user_network("resnet10-3d", weights, found, CPU)
    assert (again.extract(image, "volume") == features).all()


def test_flat_weights_see_slices(tmp_path):
    network = resnet.resnet50(
        spatial_dims=2, n_input_channels=3, feed_forward=False, bias_downsample=False
    )
    path = tmp_path / "rad.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, path)
    found = user_network("resnet50-2d", path, sha256_of_file(path), CPU)
    assert found.views == ("axial", "coronal", "sagittal")
    assert found.extract(brick(), "coronal").shape == (5, 2048)


def test_weights_that_are_not_what_is_said(weights, tmp_path):
    sha256 = sha256_of_file(weights)
    with pytest.raises(InputError, match="SHA-256"):
        user_network("resnet10-3d", weights, hashlib.sha256(b"").hexdigest(), CPU)
    with pytest.raises(InputError, match="SHA-256"):
        user_network("resnet10-3d", weights, "", CPU)
    with pytest.raises(InputError, match="another network"):
        user_network("resnet18-3d", weights, sha256, CPU)
    with pytest.raises(InputError, match="no network"):
        user_network("resnet11-3d", weights, sha256, CPU)
    with pytest.raises(InputError, match="There is no file"):
        user_network("resnet10-3d", tmp_path / "nothing", sha256, CPU)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read"):
        user_network("resnet10-3d", damaged, sha256_of_file(damaged), CPU)


def test_means_of_rois():
    features = Features(np.array([[1.0, 2], [3, 4], [5, 6]], np.float32), np.array([0, 0, 1]), 2)
    assert features.means().tolist() == [[2, 3], [5, 6]]
    assert features.of(np.array([1])).tolist() == [[5, 6]]

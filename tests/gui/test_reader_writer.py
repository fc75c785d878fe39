"""Files through napari's layers and back; no display is needed."""

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_tumor_synth.errors import OutputError, VolumeError
from napari_tumor_synth.widgets.reader import get_reader
from napari_tumor_synth.widgets.writer import write_layer

ORIENTATIONS = ("RAS", "LPS", "LAS", "PIR", "ASL", "IPL")


def stored_as(path, orientation, values, *, oblique=0.0):
    """Save an image whose brightest voxel lies right, anterior and superior in the patient."""
    turn = nib.affines.from_matvec(nib.eulerangles.euler2mat(z=np.radians(oblique)), [5, -6, 7])
    affine = turn @ np.diag([1.0, 1.5, 2.0, 1.0])
    image = nib.Nifti1Image(values, affine)
    wanted = nib.orientations.axcodes2ornt(orientation)
    nib.save(image.as_reoriented(nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), wanted)), path)  # fmt: skip
    return affine


def ras_values(dtype=np.int16):
    values = np.zeros((7, 8, 9), dtype)
    values[1:6, 1:7, 1:8] = 100 + np.arange(5 * 6 * 7).reshape(5, 6, 7)
    values[5, 6, 7] = 1000
    return values


def layer_of(path):
    (data,) = get_reader(str(path))(str(path))
    return Layer.create(*data)


@pytest.mark.parametrize("oblique", [0.0, 12.0])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_is_shown_alike_and_saved_as_it_was(tmp_path, orientation, oblique):
    path = tmp_path / "image.nii.gz"
    affine = stored_as(path, orientation, ras_values(), oblique=oblique)
    layer = layer_of(path)
    assert isinstance(layer, Image)
    assert tuple(layer.axis_labels) == ("S", "A", "R")
    assert np.unravel_index(layer.data.argmax(), layer.data.shape) == (7, 6, 5)
    assert np.all(np.asarray(layer.scale) > 0)
    if not oblique:
        assert layer.data_to_world((7, 6, 5))[::-1] == pytest.approx(
            nib.affines.apply_affine(affine, (5, 6, 7))
        )
    assert layer.metadata["oblique_degrees"] == pytest.approx(oblique, abs=1e-4)

    out = tmp_path / "out.nii.gz"
    data, attributes, _ = layer.as_layer_data_tuple()
    assert write_layer(str(out), data, attributes) == [str(out)]
    before, after = nib.load(path), nib.load(out)
    np.testing.assert_array_equal(after.get_fdata(), before.get_fdata())
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-5)


def test_segmentations_become_labels(tmp_path):
    path = tmp_path / "case_seg.nii.gz"
    stored_as(path, "LPS", (ras_values() > 500).astype(np.uint8) * 4)
    layer = layer_of(path)
    assert isinstance(layer, Labels)
    assert set(np.unique(layer.data)) == {0, 4}
    data, attributes, _ = layer.as_layer_data_tuple()
    write_layer(str(tmp_path / "out.nii.gz"), data, attributes)
    assert nib.load(tmp_path / "out.nii.gz").get_data_dtype() == np.uint8


def test_a_layer_that_was_moved_is_saved_where_it_is(tmp_path):
    path = tmp_path / "image.nii.gz"
    affine = stored_as(path, "LAS", ras_values())
    layer = layer_of(path)
    layer.translate = np.asarray(layer.translate) + np.array([0, 0, 3])  # to the patient's right
    data, attributes, _ = layer.as_layer_data_tuple()
    write_layer(str(tmp_path / "out.nii.gz"), data, attributes)
    moved = nib.as_closest_canonical(nib.load(tmp_path / "out.nii.gz")).affine
    np.testing.assert_allclose(moved[:3, 3] - affine[:3, 3], [3, 0, 0], atol=1e-5)


def test_what_napari_cannot_know_is_not_guessed(tmp_path):
    layer = Image(np.zeros((3, 4, 5)))
    data, attributes, _ = layer.as_layer_data_tuple()
    with pytest.raises(OutputError, match="where the patient's sides are"):
        write_layer(str(tmp_path / "out.nii.gz"), data, attributes)
    layer = Image(np.zeros((3, 4, 5)), axis_labels=("S", "A", "R"), rotate=(0, 0, 20))
    data, attributes, _ = layer.as_layer_data_tuple()
    with pytest.raises(OutputError, match="turned"):
        write_layer(str(tmp_path / "out.nii.gz"), data, attributes)
    assert not list(tmp_path.iterdir())


def test_only_known_formats_are_taken_and_damage_is_a_sentence(tmp_path):
    assert get_reader("a.tif") is None
    assert get_reader(["a.nii", "b.png"]) is None
    path = tmp_path / "broken.nii"
    path.write_bytes(b"nonsense" * 100)
    with pytest.raises(VolumeError):
        get_reader(str(path))(str(path))

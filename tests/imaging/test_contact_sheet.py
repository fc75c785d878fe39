import matplotlib.image
import numpy as np
import pytest

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.imaging.contact_sheet import (
    SheetItem,
    contact_sheet,
    plane_image,
    widest_planes,
)


@pytest.fixture
def right_anterior_superior():
    """A bright voxel at the right, anterior, superior end of a grey box (S, A, R)."""
    array = np.full((5, 6, 7), -0.5, np.float32)
    array[4, 5, 6] = 1
    return array


def brightest(image):
    return np.unravel_index(image.argmax(), image.shape)


@pytest.mark.parametrize(
    ("plane", "index", "shape"),
    [("axial", 4, (6, 7)), ("coronal", 5, (5, 7)), ("sagittal", 6, (5, 6))],
)
def test_right_anterior_superior_is_top_left_in_every_plane(
    right_anterior_superior, plane, index, shape
):
    shown = plane_image(right_anterior_superior, plane, index)
    assert shown.shape == shape
    assert brightest(shown) == (0, 0)
    assert (plane_image(right_anterior_superior, plane, index - 1) == -0.5).all()


def test_each_single_direction_goes_where_a_radiologist_expects_it():
    array = np.zeros((3, 3, 3), np.float32)
    array[1, 1, 2] = 1  # towards the patient's right
    assert brightest(plane_image(array, "axial", 1)) == (1, 0)
    assert brightest(plane_image(array, "coronal", 1)) == (1, 0)
    array[:] = 0
    array[1, 2, 1] = 1  # anterior
    assert brightest(plane_image(array, "axial", 1)) == (0, 1)
    assert brightest(plane_image(array, "sagittal", 1)) == (1, 0)
    array[:] = 0
    array[2, 1, 1] = 1  # superior
    assert brightest(plane_image(array, "coronal", 1)) == (0, 1)
    assert brightest(plane_image(array, "sagittal", 1)) == (0, 1)


def test_the_widest_planes_show_most_of_the_tumour():
    mask = np.zeros((20, 20, 20), bool)
    mask[2:18, 5, 5] = True
    mask[12, 2:9, 3:11] = True
    assert widest_planes(mask) == {"axial": 12, "coronal": 5, "sagittal": 5}


def test_of_equal_planes_the_central_one_is_shown():
    mask = np.zeros((9, 9, 9), bool)
    mask[2:7, 1:4, 5:8] = True
    assert widest_planes(mask) == {"axial": 4, "coronal": 2, "sagittal": 6}
    assert widest_planes(np.zeros((8, 6, 4), bool)) == {"axial": 4, "coronal": 3, "sagittal": 2}


def tile_pixels(path, tile=256, row=0, column=0, left=74, header=62, block=798, gap=4):
    """The three tiles of one ROI, inside their frames, grey (0..1)."""
    picture = matplotlib.image.imread(path)[..., :3]
    x = left + column * (tile + gap)
    tops = [header + row * block + line * (tile + gap) for line in range(3)]
    return [picture[y : y + tile, x : x + tile] for y in tops]


def test_the_picture_has_the_right_on_the_left_and_a_fixed_window(tmp_path):
    array = np.full((8, 8, 8), -1, np.float32)
    array[2:, 2:, 2:] = 0
    array[6:, 6:, 2:] = array[6:, 2:, 6:] = array[2:, 6:, 6:] = 0.5  # three beams, towards RAS
    items = [SheetItem(array, "first"), SheetItem(np.where(array > -1, -0.9, -1), "dark")]
    path = tmp_path / "sheet.png"
    contact_sheet([("LGG", items)], path, "Test")
    first = tile_pixels(path)
    for tile in first:
        grey = tile[..., 0]
        # voxels are 32 pixels wide; the brightest corner lies at the top left
        assert grey[40, 40] == pytest.approx(0.75, abs=0.01)
        assert grey[128, 180] == pytest.approx(0.5, abs=0.01)
        assert grey[230, 230] == 0
        assert grey[40:60, 40:60].mean() > grey[150:170, 150:170].mean()
    for tile in tile_pixels(path, column=1):
        assert tile[100, 100, 0] == pytest.approx(0.05, abs=0.01)  # not stretched to white


def test_what_a_decoder_leaves_of_the_background_is_not_taken_for_tumour(tmp_path):
    """Else a picture of empty planes, where a haze is widest, says that a good model failed."""
    array = np.full((8, 8, 8), -1, np.float32)
    array[0] = array[:, 0] = array[:, :, 0] = -0.99
    array[4:7, 4:7, 4:7] = 0.5
    path = tmp_path / "sheet.png"
    contact_sheet([("LGG", [SheetItem(array, "hazy")])], path, "Test")
    for tile in tile_pixels(path):
        assert tile[80, 80, 0] == pytest.approx(0.75, abs=0.01)


def test_every_row_and_roi_has_its_place(tmp_path):
    bright = np.full((4, 4, 4), 1, np.float32)
    path = tmp_path / "sheet.png"
    rows = [("LGG", [SheetItem(-bright, "a")]), ("HGG", [SheetItem(-bright, "b")] * 2)]
    rows[1][1][1] = SheetItem(bright, "c")
    contact_sheet(rows, path, "Test")
    assert all(tile[100, 100, 0] == 1 for tile in tile_pixels(path, row=1, column=1))
    assert all(tile[100, 100, 0] == 0 for tile in tile_pixels(path, row=0, column=1))
    assert all(tile[100, 100, 0] == 0 for tile in tile_pixels(path, row=1, column=0))


def test_anisotropic_rois_keep_their_proportions(tmp_path):
    array = np.full((4, 8, 8), 1, np.float32)
    path = tmp_path / "sheet.png"
    contact_sheet([("", [SheetItem(array, "", spacing=(1, 1, 1))] * 2)], path, "Test")
    _, coronal, _ = tile_pixels(path, column=1)
    assert (coronal[70:186, 100] == 1).all()
    assert (coronal[5:60, 100] == 0).all()
    assert (coronal[196:250, 100] == 0).all()


def test_the_synthetic_badge_is_in_the_picture_and_in_the_file(tmp_path):
    item = SheetItem(np.zeros((4, 4, 4), np.float32), "seed 1")
    pictures = {}
    for synthetic in (True, False):
        path = tmp_path / f"{synthetic}.png"
        contact_sheet([("LGG", [item])], path, "Test", synthetic=synthetic)
        picture = matplotlib.image.imread(path)[:62, :, :3]
        pictures[synthetic] = np.isclose(picture, (1, 0x9F / 255, 0x1C / 255), atol=0.01)
        assert (b"SYNTHETIC, not for clinical use" in path.read_bytes()) is synthetic
    assert pictures[True].all(axis=-1).sum() > 1000
    assert not pictures[False].all(axis=-1).any()


def test_the_same_rois_give_the_same_bytes(tmp_path):
    item = SheetItem(np.linspace(-1, 1, 64, dtype=np.float32).reshape(4, 4, 4), "seed 1")
    for name in "ab":
        contact_sheet([("LGG", [item])], tmp_path / f"{name}.png", "Test", synthetic=True)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_nothing_to_show_and_nowhere_to_write(tmp_path):
    with pytest.raises(ValueError, match="at least one ROI"):
        contact_sheet([("LGG", [])], tmp_path / "sheet.png", "Test")
    (tmp_path / "file").touch()
    item = SheetItem(np.zeros((4, 4, 4), np.float32), "")
    with pytest.raises(OutputError):
        contact_sheet([("LGG", [item])], tmp_path / "file" / "sheet.png", "Test")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]

"""What the Compare panel says and shows, without a window around it."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari.layers import Image, Labels
from qtpy.QtGui import QImage
from shared.made_up_cohort import write_cache

import ssim_blobs
from napari_tumor_synth.errors import GalleryError, InputError
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.memorisation import Verdict
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.transforms import Transform
from napari_tumor_synth.generators.provenance import SYNTHETIC_NOTICE
from napari_tumor_synth.imaging.phantom.settings import SIMULATED_NOTICE
from napari_tumor_synth.imaging.region import Roi, RoiSettings
from napari_tumor_synth.widgets.compare.difference_colours import (
    DifferenceBar,
    absolute_colours,
    signed_colours,
)
from napari_tumor_synth.widgets.compare.gallery_words import facts_of, for_the_panel, in_a_window
from napari_tumor_synth.widgets.compare.look_up import find, pair_of, thumbnails_of
from napari_tumor_synth.widgets.compare.pair import Pair
from napari_tumor_synth.widgets.compare.pair_words import (
    mode_words,
    position_words,
    transform_badges,
    transform_words,
)
from napari_tumor_synth.widgets.compare.pictures import EDGE, picture_of
from napari_tumor_synth.widgets.compare.queries import Query, query_of
from napari_tumor_synth.widgets.compare.result_words import headline, row_text, verdict_text
from napari_tumor_synth.widgets.compare.windows import PairWindows
from napari_tumor_synth.widgets.planes.anatomy import edge_letters, mirrored_letters
from napari_tumor_synth.widgets.session import Session

pytestmark = pytest.mark.gui

SIZE, SPACING = 16, 4.0


def pair(transform=None, chosen=None, match=None, **changes):
    empty = np.full((1, 8, 10, 12), -1, np.float32)
    about = {
        "chosen": empty if chosen is None else chosen,
        "match": empty if match is None else match,
        "kinds": ("SYNTHETIC", "REAL"),
        "names": ("SYNTHETIC HGG seed 1", "case (HGG, train)"),
        "sequences": ("flair",),
        "spacing_mm": 2.0,
        "transform": transform or Transform(),
    }
    return Pair(**{**about, **changes})


def marked(*places, value=0.5, shape=(8, 10, 12)):
    image = np.full((1, *shape), -1, np.float32)
    for place in places:
        image[(0, *place)] = value
    return image


def layer_of(image, **changes):
    about = {"axis_labels": ("S", "A", "R"), "scale": (SPACING,) * 3, "name": "layer"}
    return Image(image, **{**about, **changes})


def roi_of(image, sequences=("flair",)):
    settings = RoiSettings(size=image.shape[1:], spacing_mm=SPACING)
    affine = np.diag([SPACING] * 3 + [1])
    return Roi(image, image[0] > -1, affine, sequences, settings)


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(1)
    return [ssim_blobs.tumour(rng, SIZE, 1.2) for _ in range(32)]


@pytest.fixture(scope="module")
def gallery(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrated")
    cache = write_cache(folder / "c", real, sequences=("flair",), spacing_mm=SPACING)
    return build_gallery(cache, folder / "g")


@pytest.fixture(scope="module")
def few(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    cache = write_cache(folder / "c", real[:3], sequences=("flair",), spacing_mm=SPACING)
    return build_gallery(cache, folder / "g")


def asked(image, kind="SYNTHETIC"):
    return Query("SYNTHETIC HGG seed 1", kind, roi_of(image[None]), 0)


def novel():
    return ssim_blobs.tumour(np.random.default_rng(77), SIZE, 1.2)


# words ------------------------------------------------------------------------------------------


def test_what_is_listed_is_what_the_look_up_says(gallery):
    found = find(asked(novel()), gallery, transforms=False)
    expected = find_nearest(gallery, novel()[None], 5)
    assert [one.match for one in found.listed] == list(expected.matches)
    first, match = row_text(found.listed[0], SPACING), expected.matches[0]
    assert match.entry.name in first
    assert f"{match.entry.class_name}, {match.entry.split}" in first
    assert f"foreground {match.score.foreground:.3f}, whole {match.score.whole:.3f}" in first
    assert f"percentile {found.listed[0].percentile:.0f}" in first
    assert "mirrored" not in first


def test_a_copy_is_called_one_and_a_new_one_is_not(gallery, real):
    copy, new = (find(asked(one), gallery, transforms=False) for one in (real[3], novel()))
    assert "Copy of a real ROI" in headline(copy.verdict)
    assert "Copy" not in headline(new.verdict)
    assert "Distance ratio to the nearest of another patient 0.00" in verdict_text(copy)


def test_without_a_calibration_there_is_no_good_news(few, real):
    found = find(asked(novel()), few, transforms=False)
    assert headline(found.verdict).startswith("⚠ Not calibrated")
    assert "no all-clear" in headline(found.verdict)
    assert "30 are needed" in verdict_text(found)
    assert [one.percentile for one in found.listed] == [None] * 3
    assert "percentile not calibrated" in row_text(found.listed[0], SPACING)
    same = find(asked(real[0]), few, transforms=False)
    assert "shows the tumour of a real ROI" in headline(same.verdict)


def test_every_verdict_has_a_headline():
    for name in ("copy", "close", "usual", "not calibrated"):
        for is_copy in (False, True):
            assert headline(Verdict(name, "", None, None, is_copy))


@pytest.mark.parametrize("kind", ["REAL", "OPENED", "SIMULATED"])
def test_an_roi_that_is_not_synthetic_is_told_to_find_itself(gallery, real, kind):
    text = verdict_text(find(asked(real[0], kind), gallery, transforms=False))
    assert "finds" in text
    assert "itself" in text
    assert "itself" not in verdict_text(find(asked(real[0]), gallery, transforms=False))


def test_remedies_name_controls_of_the_panel(tmp_path, gallery):
    from napari_tumor_synth.widgets.compare.look_up import open_gallery

    with pytest.raises(GalleryError) as caught:
        open_gallery(tmp_path)
    told = str(for_the_panel(caught.value))
    assert str(tmp_path) in told
    assert "Build a gallery" in told
    assert "tumor-synth gallery" not in told
    other = Query("other", "OPENED", roi_of(np.full((1, 20, 20, 20), -1, np.float32)), 0)
    with pytest.raises(InputError) as refused:
        find(other, gallery, transforms=False)
    told = str(for_the_panel(refused.value))
    assert "20 x 20 x 20 voxels of 4 mm" in told
    assert "16 x 16 x 16" in told
    assert "tumor-synth gallery" not in told


def test_a_calibration_of_transforms_that_is_lacking_names_the_box_to_tick(gallery):
    text = verdict_text(find(asked(novel()), gallery, transforms=True))
    assert "Calibrate transformed" in text
    assert "tumor-synth" not in text
    assert in_a_window("nothing to change") == "nothing to change"


def test_a_gallery_says_whose_it_is(few):
    assert facts_of(few) == (
        "Patient data: 3 real ROIs of 3 patients (HGG 2, LGG 1)\nFLAIR, 16³ at 4 mm"
    )


@pytest.mark.parametrize(
    ("transform", "begin", "end"),
    [
        (Transform(plane="axial", degrees=30), (0, 20, 0), "anterior to right"),
        (Transform(plane="axial", degrees=-30), (0, 20, 0), "anterior to left"),
        (Transform(plane="coronal", degrees=30), (20, 0, 0), "superior to right"),
        (Transform(plane="sagittal", degrees=30), (20, 0, 0), "superior to anterior"),
        (Transform(plane="sagittal", degrees=-30), (20, 0, 0), "superior to posterior"),
        (Transform(shift=(0, 0, 3)), (0, 0, 0), "6 mm to right"),
        (Transform(shift=(-2, 0, 0)), (0, 0, 0), "4 mm to inferior"),
        (Transform(mirror=2), (0, 0, 12), "left to right"),
    ],
)
def test_the_words_of_a_transform_are_what_it_does(transform, begin, end):
    """A spot is transformed, and goes where the words say."""
    middle = 32
    spot = np.full((1, 65, 65, 65), -1, np.float32)
    s, a, r = (middle + one for one in begin)
    spot[0, s - 2 : s + 3, a - 2 : a + 3, r - 2 : r + 3] = 0.5
    moved = np.argwhere(transform.apply(spot)[0] > -1).mean(axis=0) - middle - begin
    words = transform_words(transform, 2.0)
    assert end in words
    axis, sign = {
        "right": (2, 1), "left": (2, -1), "anterior": (1, 1), "posterior": (1, -1),
        "superior": (0, 1), "inferior": (0, -1),
    }[end.rpartition(" ")[2] if transform.mirror is None else "left"]  # fmt: skip
    assert sign * moved[axis] > 1.9
    assert transform_badges(transform)


def test_nothing_done_is_nothing_said():
    assert transform_words(Transform(), 1.0) == ""
    assert transform_badges(Transform()) == ()
    assert "For this" not in mode_words(pair(), "side", absolute=False)


@pytest.mark.parametrize("mode", ["side", "swipe", "difference"])
def test_every_mode_tells_of_the_transform_and_of_the_letters(mode):
    words = mode_words(pair(Transform(2)), mode, absolute=False)
    assert "the SYNTHETIC ROI is mirrored left to right" in words
    assert "the REAL one is as it was" in words
    assert ("names the sides" in words) == (mode == "side")
    assert ("letters are those of the REAL" in words) == (mode != "side")


def test_the_difference_says_which_and_its_unit():
    signed, absolute = (mode_words(pair(), "difference", absolute=one) for one in (False, True))
    assert "SYNTHETIC minus REAL in intensity of ROIs" in signed
    assert "Absolute difference" in absolute


def test_the_values_at_the_crosshair():
    shown = pair(chosen=marked((4, 5, 6)), match=marked((4, 5, 6), (0, 0, 0), value=0.2))
    text = position_words(shown, (1.0, 1.0, 1.0), 0)
    assert text.startswith("R 1.0  A 1.0  S 1.0 mm from the middle")
    assert "SYNTHETIC 0.50   REAL 0.20   difference +0.30" in text
    assert "SYNTHETIC background   REAL 0.20   difference -1.20" in position_words(
        shown, (-7.0, -9.0, -11.0), 0
    )
    assert position_words(shown, (100.0, 0.0, 0.0), 0) == ""


# images -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("toward_right", [True, False])
def test_a_swipe_shows_the_chosen_one_on_the_left_of_the_screen(axis, toward_right):
    one, other = np.full((1, 8, 10, 12), 0.1), np.full((1, 8, 10, 12), 0.9)
    shown = pair(chosen=one.astype(np.float32), match=other.astype(np.float32))
    at = 0.5  # mm; voxel centres are at odd ones
    both = np.moveaxis(shown.swiped(0, axis, at, toward_right=toward_right), axis, -1)
    on_screen = both if toward_right else both[..., ::-1]
    left = on_screen[0, 0] < 0.5
    count = len(left) // 2  # of voxels whose centres are below the line
    expected = count if toward_right else len(left) - count
    assert left.tolist() == [True] * expected + [False] * (len(left) - expected)
    for end, chosen in ((-1e3, not toward_right), (1e3, toward_right)):
        everything = shown.swiped(0, axis, end, toward_right=toward_right)
        assert np.all(everything == np.float32(0.1 if chosen else 0.9))


def test_the_difference_is_the_chosen_one_minus_the_real_one():
    shown = pair(chosen=marked((1, 1, 1), value=0.25), match=marked((1, 1, 1), (2, 2, 2)))
    signed, absolute = shown.difference(0), shown.difference(0, absolute=True)
    assert signed[1, 1, 1] == -0.25
    assert signed[2, 2, 2] == -1.5
    assert absolute[2, 2, 2] == 1.5
    assert np.count_nonzero(signed) == 2


def test_a_pair_knows_where_its_tumours_are():
    shown = pair(chosen=marked((1, 2, 3)), match=marked((6, 7, 8), (5, 7, 8)))
    assert shown.first.tolist() == [-7, -9, -11]
    assert shown.tumours == ((-6, -6, -6), (6, 6, 6))
    assert shown.limits == ((-8, -10, -12), (8, 10, 12))
    assert shown.middle[1:] == (5, 5)


def test_the_colours_of_a_difference_are_symmetric_from_black():
    colours = signed_colours().map(np.linspace(0, 1, 101))[:, :3]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    light = linear @ (0.2126, 0.7152, 0.0722)
    assert light[50] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(light, light[::-1], rtol=0.05, atol=1e-3)
    assert np.all(np.diff(light[50:]) > 0)
    blue, orange = colours[0], colours[-1]
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]
    absolute = absolute_colours().map(np.linspace(0, 1, 11))[:, :3].sum(axis=1)
    assert np.all(np.diff(absolute) > 0)


def test_the_bar_says_what_its_ends_are(qtbot):
    bar = DifferenceBar()
    qtbot.addWidget(bar)
    bar.tell(0.5, ("SYNTHETIC", "REAL"), absolute=False)
    assert bar.labels == ("−0.50\nREAL brighter", "0", "+0.50\nSYNTHETIC brighter")
    bar.tell(0.5, ("SYNTHETIC", "REAL"), absolute=True)
    assert bar.labels == ("0", "|SYNTHETIC − REAL|", "0.50")
    assert "-1 to 1" in bar.toolTip()


def test_windows_keep_both_images_alike_and_differences_symmetric():
    windows = PairWindows()
    windows.drag(-200, 0, difference=False)
    assert windows.grey == (-0.5, 0.5)
    assert windows.limit == 1
    for _ in range(50):
        windows.drag(-100, 0, difference=True)
    assert windows.limit == 0.05
    windows.choose(0, (marked((1, 1, 1), value=-0.5)[0], marked((1, 1, 1), value=0.7)[0]))
    assert windows.grey == pytest.approx((-0.5, 0.7))
    windows.reset()
    assert (windows.grey, windows.limit) == ((-1, 1), 1)


def test_thumbnails_show_the_patients_right_where_the_workbench_does(qapp):
    image = np.full((8, 8, 8), -1, np.float32)
    image[4, 1:7, 1:7] = 0
    image[4, 6, 6] = 1  # right and in front
    (plane,) = thumbnails_of([image])
    for convention, column in (("radiological", 0.25), ("neurological", 0.75)):
        shown = picture_of(plane, convention).toImage()
        assert shown.width() == shown.height() == EDGE
        assert shown.format() != QImage.Format.Format_Invalid
        corners = {
            (x, y): shown.pixelColor(int(x * EDGE), int(y * EDGE)).lightness()
            for x in (0.25, 0.75)
            for y in (0.25, 0.75)
        }
        assert max(corners, key=corners.get) == (column, 0.25), convention


def test_thumbnails_have_one_scale():
    small, large = (np.full((16, 16, 16), -1, np.float32) for _ in range(2))
    small[7:9, 7:9, 7:9], large[3:13, 3:13, 3:13] = 0, 0
    small_plane, large_plane = thumbnails_of([small, large])
    assert small_plane.shape == large_plane.shape
    assert (small_plane > 0).sum() == 4
    assert (large_plane > 0).sum() == 100


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_the_letters_of_a_mirrored_image_are_exchanged_along_its_axis(plane, convention):
    letters = edge_letters(plane, convention)
    for axis, pairs in enumerate(("SI", "AP", "RL")):
        exchanged = mirrored_letters(letters, plane, axis)
        for edge in ("top", "bottom", "left", "right"):
            before, after = getattr(letters, edge), getattr(exchanged, edge)
            assert (before != after) == (before in pairs)


def test_a_match_of_a_mirrored_query_is_shown_as_it_was_compared(gallery, real):
    hidden = Transform(2, shift=(0, 1, 0)).apply(real[5][None])[0]
    found = find(asked(hidden), gallery, transforms=True)
    best = found.listed[0]
    assert best.match.entry.name == "case-005"
    shown = pair_of(found, best)
    assert shown.transform == best.match.transform
    assert shown.transform.mirror == 2
    inside = (shown.match > -1) & (shown.chosen > -1)
    np.testing.assert_allclose(shown.chosen[inside], shown.match[inside], atol=1e-6)
    assert inside.sum() > 0.9 * (shown.match > -1).sum()
    assert shown.kinds == ("SYNTHETIC", "REAL")
    assert "mirrored left to right" in row_text(best, SPACING)


# queries ----------------------------------------------------------------------------------------


def test_an_opened_roi_is_marked_as_its_header_says(real):
    about = {
        SYNTHETIC_NOTICE: "SYNTHETIC",
        SIMULATED_NOTICE: "SIMULATED",
        "": "OPENED",
        "real": "OPENED",
    }
    for description, kind in about.items():
        layer = layer_of(real[0], metadata={"description": description})
        query = query_of(Session(), layer, None)
        assert query.kind == kind
        assert np.array_equal(query.roi.image, real[0][None])
        assert query.roi.settings.spacing_mm == SPACING
    duplicate = layer_of(real[0], metadata={"synthetic": True})
    assert query_of(Session(), duplicate, None).kind == "SYNTHETIC"


def test_a_synthetic_layer_with_other_voxels_is_still_synthetic(real):
    class Sample:
        roi = roi_of(real[0][None])

    layer = layer_of(Sample.roi.image[0])
    before = query_of(Session(), layer, Sample)
    assert before.roi.sequences == ("flair",)
    layer.data = real[1]
    after = query_of(Session(), layer, Sample)
    assert after.kind == before.kind == "SYNTHETIC"
    assert np.array_equal(after.roi.image[0], real[1])
    assert after.state != before.state


def test_a_query_keeps_its_voxels(real):
    image = real[0].copy()
    layer = layer_of(image)
    query = query_of(Session(), layer, None)
    image[5:9] = 0.3
    assert np.array_equal(query.roi.image[0], real[0])
    assert query_of(Session(), layer, None).state != query.state


def test_a_synthetic_tumour_may_fill_its_box(real):
    full = np.random.default_rng(0).uniform(-0.9, 0.9, real[0].shape).astype(np.float32)
    told = layer_of(full, metadata={"synthetic": True})
    assert query_of(Session(), told, None).roi.mask.all()
    with pytest.raises(InputError, match="no ROI"):
        query_of(Session(), layer_of(full), None)


class Made:
    def __init__(self, image, *sequences):
        self.roi = roi_of(image, sequences or ("flair",))


@pytest.mark.parametrize("background", [0, -0.9, -2])
@pytest.mark.parametrize("known", [True, False])
def test_another_background_is_never_taken_for_tumour(real, background, known):
    image = real[0].copy()
    made = Made(image[None])
    layer = layer_of(made.roi.image[0], metadata={"synthetic": True})
    layer.data[image == -1] = background  # painted, or as another program writes it
    with pytest.raises(InputError, match="background of -1"):
        query_of(Session(), layer, made if known else None)


@pytest.mark.parametrize(
    "view", [lambda one: np.flip(one, 2), lambda one: one[4:12, 4:12, 4:12], lambda one: one.T]
)
def test_what_is_looked_up_is_what_is_shown(real, view):
    made = Made(real[0][None].copy())
    layer = layer_of(made.roi.image[0])
    before = query_of(Session(), layer, made)
    layer.data = view(layer.data)  # of the same memory
    after = query_of(Session(), layer, made)
    np.testing.assert_array_equal(after.roi.image[0], view(real[0]))
    assert after.state != before.state


def test_the_sequence_is_known_or_said_not_to_be(gallery, real):
    made = Made(real[0][None].copy(), "t1ce")
    layer = layer_of(made.roi.image[0])
    for _ in range(2):
        query = query_of(Session(), layer, made)
        assert query.roi.sequences == ("t1ce",)
        with pytest.raises(InputError, match="holds t1ce; the gallery has flair"):
            find(query, gallery, transforms=False)
        layer.data = layer.data.copy()
    several = Made(np.stack([real[0], real[1]]), "t1ce", "flair")
    shown = query_of(Session(), layer_of(several.roi.image[1]), several)
    assert find(shown, gallery, transforms=False).listed[0].match.entry.name == "case-001"
    opened = find(query_of(Session(), layer_of(real[0]), None), gallery, transforms=False)
    assert "does not name its sequence: it was taken for FLAIR" in verdict_text(opened)
    assert "sequence" not in verdict_text(find(asked(real[0]), gallery, transforms=False))


def test_a_search_with_transforms_is_not_called_certain(gallery, real):
    text = verdict_text(find(asked(real[0]), gallery, transforms=True))
    assert "As it is, the ROI was compared with all 32 real ROIs." in text
    assert "the likeliest exactly" in text


def changed(image, place, value):
    image = image.copy()
    image[place] = value
    return image


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda one: layer_of(np.full_like(one, -1)), "empty"),
        (lambda one: layer_of(np.zeros_like(one)), "no ROI"),
        (lambda one: layer_of((one + 1) * 500), "no ROI"),
        (lambda one: layer_of(changed(one, (8, 8, 8), np.nan)), "no numbers"),
        (lambda one: layer_of(changed(one, (8, 8, 8), np.inf)), "no numbers"),
        (lambda one: layer_of(one, scale=(1, 1, 2)), "not cubes"),
        (lambda one: layer_of(one, scale=(20, 20, 20)), "20 mm"),
        (lambda one: layer_of(one, axis_labels=("z", "y", "x")), "sides"),
        (lambda one: layer_of(one[:4, :4, :4].clip(-1, -0.9)), "4 x 4 x 4"),
        (lambda one: Image(one[0]), "three dimensions"),
        (lambda one: Labels((one > -1).astype(int)), "three dimensions"),
    ],
)
def test_what_is_no_roi_is_refused_in_a_sentence(real, make, words):
    image = real[0].copy()
    image[0, 0, 0], image[1, 1, 1] = -1, -0.9
    with pytest.raises(InputError, match=words):
        query_of(Session(), make(image), None)

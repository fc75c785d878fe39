"""A study folder: nothing in it tells real from synthetic, and its key tells all."""

import json
import stat
from dataclasses import replace

import numpy as np
import pytest

from made_up_pools import SIZE, made_up_image, pool
from napari_tumor_synth.errors import OutputError, StudyError
from napari_tumor_synth.imaging.measure import measure_lesion
from napari_tumor_synth.study.design import StudyDesign, told_of
from napari_tumor_synth.study.display import display_array
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.making import make_study
from napari_tumor_synth.study.ordering import longest_run
from napari_tumor_synth.study.pool import Pool
from napari_tumor_synth.study.study_file import Study

DESIGN = StudyDesign(
    readers=("A", "B", "C"), real=12, synthetic=8, training=6, repeats=0.2, repeat_spacing=5,
    block_size=10,
)  # fmt: skip
SYNTHETIC = (pool("vqgan"), pool("wgan", start=500))


@pytest.fixture(scope="module", params=["single", "2afc"])
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    design = DESIGN.model_copy(update={"task": request.param})
    return make_study(design, pool(), SYNTHETIC, folder / "s", folder / "s.key.json")


def base_case(key, presentation):
    return tuple(sorted(key.images[token].case for token in presentation.images))


def answer(key, presentation):
    """Whether it is synthetic, or which one of two is."""
    return key.images[presentation.images[-1]].truth == "synthetic"


def test_it_can_be_opened_and_belongs_to_its_key(made):
    study = Study.open(made.study.folder)
    key = read_key_file(made.key, study.file)
    assert set(key.images) == set(study.file.images)
    study.require_whole()
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


def test_every_reader_sees_all_cases_once_and_repeats_after_a_distance(made):
    study = made.study.file
    key = read_key_file(made.key, study)
    cases = 12 + 2 * 8 if study.design.task == "single" else 2 * 8
    repeats = round(0.2 * cases)
    seen = []
    for plan in study.readers:
        shown = [base_case(key, one) for one in plan.presentations]
        again = [key.images[one.images[0]].is_repeat for one in plan.presentations]
        assert len(shown) == cases + repeats
        assert len(set(shown)) == cases
        assert sum(again) == repeats
        assert len({one.token for one in plan.presentations}) == len(shown)
        for place, (case, is_repeat) in enumerate(zip(shown, again, strict=True)):
            first = shown.index(case)
            assert is_repeat == (first != place)
            assert not is_repeat or place - first > 5
        assert longest_run([answer(key, one) for one in plan.presentations]) <= 5
        again_in = [sum(key.images[one.images[0]].is_repeat for one in b) for b in plan.blocks]
        assert sum(again_in) == repeats
        own = [len(block) - count for block, count in zip(plan.blocks, again_in, strict=True)]
        assert max(own) - min(own) <= 1
        seen.append(shown)
    assert len({tuple(shown) for shown in seen}) == 3
    assert len({frozenset(shown) for shown in seen}) == 1


def test_cases_of_training_are_no_others(made):
    study = made.study.file
    key = read_key_file(made.key, study)
    scored = {
        key.images[token].case
        for plan in study.readers
        for one in plan.presentations
        for token in one.images
    }
    training = [
        key.images[token].case for one in study.training for token in one.presentation.images
    ]
    assert not scored & set(training)
    for one in study.training:
        truths = [key.images[token].truth for token in one.presentation.images]
        if study.design.task == "single":
            assert truths == [one.answer]
        else:
            assert truths.index("synthetic") == ("left", "right").index(one.answer)
    if study.design.task == "single":
        assert [one.answer for one in study.training].count("real") == 3


def test_pairs_are_alike(made):
    study = made.study.file
    if study.design.task == "single":
        pytest.skip("no pairs")
    key = read_key_file(made.key, study)
    plan = study.readers[0]
    ratios, sides = [], []
    for shown in plan.presentations:
        both = [key.images[token] for token in shown.images]
        assert {one.truth for one in both} == {"real", "synthetic"}
        assert both[0].class_name == both[1].class_name
        ratios.append(abs(np.log(both[0].volume_ml / both[1].volume_ml)))
        sides.append(answer(key, shown))
    assert np.median(ratios) < 0.15  # of reals drawn at random it is 0.35
    assert 0.3 < np.mean(sides) < 0.7


def test_nothing_in_the_folder_tells_the_truth(made):
    folder, study = made.study.folder, made.study.file
    key = read_key_file(made.key, study)
    text = (folder / "study.json").read_text("utf-8")
    without = json.loads(text)
    for named in ("design", "training"):  # what the task is; the answers of training cases
        without.pop(named)
    words = json.dumps(without)
    assert "real" not in words
    assert "synthetic" not in words
    assert key.order_seed not in text
    names = {one.case for one in key.images.values()} | {"vqgan", "wgan"}
    names |= {one.source_sha256 for one in key.images.values()}
    assert not [name for name in names if name in text]
    files = list((folder / "images").iterdir())
    assert {path.stem for path in files} == set(study.images)
    told = [path.stat() for path in folder.rglob("*")]
    assert len({one.st_mtime_ns for one in told}) == 1
    images = [path.stat() for path in files]
    assert len({one.st_size for one in images}) == 1
    assert len({path.read_bytes()[:128] for path in files}) == 1
    assert {path.name for path in folder.iterdir()} == {"study.json", "images", "readings"}
    assert len({stat.S_IMODE(one.st_mode) for one in images}) == 1


def test_display_copies_are_the_rois(made):
    key = read_key_file(made.key, made.study.file)
    pools = {roi.name: roi for one in (pool(), *SYNTHETIC) for roi in one.rois}
    for token, told in list(key.images.items())[:20]:
        original = pools[told.case]
        assert told.generator == original.generator
        assert told.source_sha256 == original.source_sha256
        assert np.array_equal(made.study.image(token), display_array(original.load()))
        volume = measure_lesion(original.load() > -1, np.diag([4.0, 4, 4, 1])).volume_ml
        assert told.volume_ml == pytest.approx(volume, abs=1e-3)


def test_a_display_copy_keeps_voxels_and_moves_them_to_the_middle():
    image = np.full((SIZE,) * 3, -1, np.float32)
    image[2:5, 10:15, 20:24] = np.linspace(-0.9, 1, 60).reshape(3, 5, 4)
    shown = display_array(image)
    filled = np.argwhere(shown)
    assert filled.min(axis=0).tolist() == [10, 9, 10]
    inside = shown[10:13, 9:14, 10:14]
    assert inside.ravel().tolist() == np.rint(np.linspace(1, 255, 60)).tolist()
    assert np.count_nonzero(shown) == 60
    assert np.count_nonzero(display_array(image, 1)) == 1 * 3 * 2
    with pytest.raises(StudyError, match="Nothing of an ROI is left"):
        display_array(image, 3)


def test_blocks_are_balanced_and_rotate(tmp_path):
    design = StudyDesign(
        readers=tuple("ABCDEF"), real=60, synthetic=60, repeats=0.0, block_size=30, training=0
    )
    made = make_study(
        design, pool(count=80), [pool("vqgan", 80)], tmp_path / "s", tmp_path / "k.json", seed=1
    )
    study = made.study.file
    key = read_key_file(made.key, study)
    firsts = []
    for plan in study.readers:
        contents = [frozenset(base_case(key, one) for one in block) for block in plan.blocks]
        firsts.append(contents)
        for block in plan.blocks:
            assert sum(answer(key, one) for one in block) == 15
            classes = [key.images[one.token].class_name for one in block]
            assert 12 <= classes.count("LGG") <= 18
    assert len({frozenset(blocks) for blocks in firsts}) == 1
    places = np.array([[one.index(block) for block in firsts[0]] for one in firsts])
    assert all(len(set(column)) == 4 for column in places[:4].T)


@pytest.mark.parametrize(
    ("task", "generators", "given", "told"),
    [
        ("single", 1, None, "About half of the cases are synthetic."),
        ("single", 2, None, "About 67 % of the cases are synthetic."),
        ("2afc", 1, None, "One ROI of each pair is synthetic."),
        ("single", 2, "", ""),
        ("single", 2, "Some are synthetic.", "Some are synthetic."),
    ],
)
def test_readers_are_told_the_mixture_or_what_the_plan_says(task, generators, given, told):
    design = StudyDesign(task=task, real=10, synthetic=10, prevalence=given)
    assert told_of(design, generators) == told


def test_a_seed_gives_the_same_study_under_other_tokens(tmp_path):
    both = [
        make_study(DESIGN, pool(), SYNTHETIC, tmp_path / name, tmp_path / f"{name}.key", seed=5)
        for name in "ab"
    ]
    studies = [one.study.file for one in both]
    keys = [read_key_file(one.key, one.study.file) for one in both]
    orders = [
        [[base_case(key, one) for one in plan.presentations] for plan in study.readers]
        for study, key in zip(studies, keys, strict=True)
    ]
    assert orders[0] == orders[1]
    assert not set(studies[0].images) & set(studies[1].images)
    other = make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "c", tmp_path / "c.key", seed=6)
    key = read_key_file(other.key, other.study.file)
    assert [base_case(key, one) for one in other.study.file.readers[0].presentations] != orders[0][
        0
    ]


def test_the_key_never_lies_in_a_study(tmp_path):
    arguments = (DESIGN, pool(), SYNTHETIC, tmp_path / "s")
    for inside in (tmp_path / "s" / "key.json", tmp_path / "s" / "images" / "key.json"):
        with pytest.raises(StudyError, match="where readers find it"):
            make_study(*arguments, inside)
    (tmp_path / "link").symlink_to(tmp_path / "s")
    with pytest.raises(StudyError, match="where readers find it"):
        make_study(*arguments, tmp_path / "link" / "key.json")
    make_study(*arguments, tmp_path / "key.json")
    with pytest.raises(StudyError, match="where readers find it"):
        make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "other", tmp_path / "s" / "key.json")


def test_the_key_lies_in_no_other_study_either(tmp_path):
    first = made_of(tmp_path, "first")
    for place in ("images", "readings", "deep/er"):
        with pytest.raises(StudyError, match="where readers find it"):
            made_of(tmp_path, "second", key=first.study.folder / place / "k.json")
    assert not (tmp_path / "second").exists()


def test_readers_may_open_what_the_owner_of_the_key_made(tmp_path):
    study = made_of(tmp_path, "s").study
    plain = tmp_path / "plain"
    plain.mkdir()
    assert study.folder.stat().st_mode == plain.stat().st_mode
    assert stat.S_IMODE((tmp_path / "s.key").stat().st_mode) == 0o600
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    made_of(tmp_path, "shared")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o2770


def test_a_repeat_has_another_hash(tmp_path):
    study = made_of(tmp_path, "s", repeats=0.3).study.file
    assert len(set(study.images.values())) == len(study.images)


def test_no_image_is_two_cases(tmp_path):
    twice = tuple(replace(roi, patient=f"{n}") for n, roi in enumerate(pool("g").rois[:7] * 2))
    with pytest.raises(StudyError, match="are the same image"):
        made_of(tmp_path, "s", pools=[Pool("g", twice, (SIZE,) * 3, 4.0)], synthetic=12)
    same = pool("vqgan").rois
    other = Pool("wgan", tuple(replace(roi, generator="wgan") for roi in same), (SIZE,) * 3, 4.0)
    with pytest.raises(StudyError, match="are the same image"):
        made_of(tmp_path, "s", pools=[pool("vqgan", 12), other])


def test_classes_that_cannot_be_balanced_are_told(tmp_path):
    def doubts(name, *pools):
        return made_of(tmp_path, name, pools=list(pools)).doubts

    assert doubts("a", pool("vqgan")) == ()
    (told,) = doubts("b", pool("vqgan", classes=("unknown",)))
    assert "share no class (real ROIs: HGG, LGG; " in told
    (told,) = doubts("c", pool("vqgan", classes=("HGG",)))
    assert told.startswith("Only HGG is shown")
    key = read_key_file(tmp_path / "c.key", Study.open(tmp_path / "c").file)
    assert key.doubts == (told,)


def made_of(folder, name, *, key=None, pools=None, **design):
    plan = StudyDesign.model_validate(
        {"readers": ("A",), "real": 6, "synthetic": 6, "training": 0, "block_size": 12,
         "repeat_spacing": 3, "repeats": 0.0, **design}
    )  # fmt: skip
    return make_study(
        plan, pool(), pools or [pool("vqgan")], folder / name, key or folder / f"{name}.key", seed=1
    )


def test_nothing_is_replaced_and_nothing_half_made(tmp_path):
    made = make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "s", tmp_path / "k.json")
    before = made.key.read_bytes()
    with pytest.raises(StudyError, match=r"k\.json is there already"):
        make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "t", tmp_path / "k.json")
    with pytest.raises(StudyError, match="s is there already"):
        make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "s", tmp_path / "l.json")
    assert made.key.read_bytes() == before

    def stop(progress):
        if progress.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "u", tmp_path / "u.json", on_progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.json", "s"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "v", tmp_path / "file" / "k.json")
    assert not (tmp_path / "v").exists()


BAD_POOLS = {
    "takes 12 scored and 3 training cases of the real ROIs, equally from 2 classes, and there are "
    "10 of different patients": (pool(count=10), SYNTHETIC),
    "8 scored and 1 training cases of the ROIs of wgan": (pool(), [pool("vqgan"), pool("wgan", 8)]),
    "Two pools are called vqgan": (pool(), [pool("vqgan"), pool("vqgan", start=70)]),
}


@pytest.mark.parametrize("problem", BAD_POOLS)
def test_pools_that_do_not_fit(problem, tmp_path):
    real, synthetic = BAD_POOLS[problem]
    with pytest.raises(StudyError) as caught:
        make_study(DESIGN, real, synthetic, tmp_path / "s", tmp_path / "k.json")
    assert problem in caught.value.problem
    assert not list(tmp_path.iterdir())


def test_too_few_pairs(tmp_path):
    design = DESIGN.model_copy(update={"task": "2afc"})
    with pytest.raises(StudyError, match="19 pairs take as many real ROIs, and there are 18"):
        make_study(design, pool(count=18), SYNTHETIC, tmp_path / "s", tmp_path / "k.json")
    unequal = pool(count=16, classes=("LGG", "LGG", "LGG", "HGG"))
    with pytest.raises(StudyError, match="of class HGG, and there are 4"):
        make_study(design, unequal, [pool("vqgan")], tmp_path / "s", tmp_path / "k.json")


def test_orders_that_cannot_be(tmp_path):
    design = StudyDesign(real=40, synthetic=5, longest_run=3, training=0, readers=("A",))
    with pytest.raises(StudyError, match="Allow longer runs"):
        make_study(design, pool(), [pool("vqgan")], tmp_path / "s", tmp_path / "k.json")


def test_one_roi_a_patient(tmp_path):
    crowd = pool(count=40)
    same = tuple(
        replace(roi, patient=f"p{number // 2}", class_name=("HGG", "LGG")[number // 2 % 2])
        for number, roi in enumerate(crowd.rois)
    )
    real = type(crowd)("", same, crowd.size, crowd.spacing_mm)
    made = make_study(DESIGN, real, SYNTHETIC, tmp_path / "s", tmp_path / "k.json")
    key = read_key_file(made.key, made.study.file)
    cases = {one.case for one in key.images.values() if one.truth == "real"}
    patients = {roi.name: roi.patient for roi in same}
    assert len({patients[case] for case in cases}) == len(cases) == 15


def test_altered_files_are_noticed(tmp_path):
    made = make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "s", tmp_path / "k.json")
    other = make_study(DESIGN, pool(), SYNTHETIC, tmp_path / "o", tmp_path / "o.json")
    with pytest.raises(StudyError, match="belongs to another study"):
        read_key_file(other.key, made.study.file)
    token = next(iter(made.study.file.images))
    copy = tmp_path / "s" / "images" / f"{token}.npy"
    copy.write_bytes(copy.read_bytes()[:-1] + b"\x07")
    with pytest.raises(StudyError, match="is not the display copy of the study"):
        made.study.require_whole()
    copy.unlink()
    with pytest.raises(StudyError, match="cannot be read"):
        made.study.image(token)
    path = tmp_path / "s" / "study.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"longest_run": 5', '"longest_run": 6'), "utf-8")
    with pytest.raises(StudyError, match="altered after it was made"):
        Study.open(tmp_path / "s")
    for broken in ("", "[]", "{", '{"format": 99}', "\x00"):
        path.write_text(broken, "utf-8")
        with pytest.raises(StudyError):
            Study.open(tmp_path / "s")
    made.key.write_text(made.key.read_text("utf-8").replace('"real"', '"synthetic"', 1), "utf-8")
    path.write_text(text, "utf-8")
    with pytest.raises(StudyError, match=r"key file .* was altered"):
        read_key_file(made.key, Study.open(tmp_path / "s").file)


def test_made_up_images_are_as_generators_make_them():
    image = made_up_image(3)
    assert image.min() == -1
    assert image[image > -1].min() >= np.float32(-0.9)

"""A generator that has learnt a patient by heart does not give it away."""

import json
import shutil

import pytest
import torch
from shared.made_up_cohort import write_cache

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.pseudonyms import Pseudonyms
from napari_tumor_synth.generators.families import load_generator

LEARNT, NEW = 7, 8
REAL = range(100, 139)


@pytest.fixture(scope="module")
def images(tiny):
    """Samples that stand for real ROIs; the first is one that is going to be generated again."""
    generator = load_generator(tiny, torch.device("cpu"))
    return [sample.roi.image for sample in generator.sample("LGG", [LEARNT, *REAL])]


def gallery_of(images, folder, spacing_mm=4.0, **how):
    cohort = write_cache(folder / "c", images, sequences=("flair",), spacing_mm=spacing_mm)
    build_gallery(cohort, folder / "g", **how)
    return folder / "g"


@pytest.fixture(scope="module")
def gallery(images, tmp_path_factory):
    return gallery_of(images, tmp_path_factory.mktemp("gallery"), transforms=True)


@pytest.fixture
def generate(run, tiny, gallery):
    def call(out, *more, seed=LEARNT, count=2, compared=True):
        return run(
            "generate", "--model", tiny, "--class", "LGG", "--seed", seed, "--count", count,
            "--out", out, "--json", *(("--gallery", gallery) if compared else ()), *more,
        )  # fmt: skip

    return call


def record_of(out, seed):
    return json.loads((out / f"synthetic_LGG_{seed:06d}.json").read_text())


def test_a_copy_is_held_back_and_the_rest_is_written(generate, tmp_path):
    found = generate(tmp_path / "out").json
    assert [sample["seed"] for sample in found["samples"]] == [NEW]
    (held,) = found["withheld"]
    assert set(held) == {"class", "seed", "copy_check", "sentence", "earlier"}
    assert (held["seed"], held["earlier"]) == (LEARNT, None)
    assert held["copy_check"]["verdict"] == "copy"
    assert held["copy_check"]["foreground_ssim"] == pytest.approx(1, abs=1e-6)
    assert "Nearer to a real ROI" in held["sentence"]
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {
        "contact_sheet.png", "synthetic_LGG_000008.json",
        "synthetic_LGG_000008_roi.nii.gz", "synthetic_LGG_000008_mask.nii.gz",
    }  # fmt: skip


def test_a_record_tells_the_verdict_and_no_name(generate, tmp_path):
    assert generate(tmp_path / "out").code == 0
    check = record_of(tmp_path / "out", NEW)["copy_check"]
    assert check["verdict"] in ("close", "usual")
    assert 0 < check["foreground_ssim"] < 0.999
    assert 0.001 < check["p_value"] < 1
    assert (check["rois"], check["transforms"]) == (40, False)
    assert "uniform window of 7" in check["definition"]
    for path in (tmp_path / "out").iterdir():
        assert b"case-" not in path.read_bytes()


def test_only_the_gallery_resolves_a_pseudonym(run, refuse, generate, gallery, images, tmp_path):
    (held,) = generate(tmp_path / "out").json["withheld"]
    code = held["copy_check"]["nearest"]
    found = run("gallery", "resolve", code, "--gallery", gallery, "--json").json
    assert found == {"case": "case-000", "patient": "case-000", "class": "HGG", "split": "train"}
    assert "case-000" in run("gallery", "resolve", code.upper(), "--gallery", gallery).out
    other = gallery_of(images, tmp_path)  # the same ROIs, and another key
    assert "stands for no ROI" in refuse("gallery", "resolve", code, "--gallery", other)


def test_a_pseudonym_stays_when_the_gallery_grows(run, tiny, images, tmp_path):
    def pseudonym(gallery):
        found = run(
            "generate", "--model", tiny, "--class", "LGG", "--seed", LEARNT, "--count", 2,
            "--out", tmp_path / "out", "--gallery", gallery, "--json",
        ).json  # fmt: skip
        return found["withheld"][0]["copy_check"]["nearest"]

    first = pseudonym(gallery_of(images[:-2], tmp_path))
    shutil.rmtree(tmp_path / "c")
    assert pseudonym(gallery_of(images, tmp_path)) == first


def test_nothing_left_is_an_error(run, tiny, gallery, tmp_path):
    outcome = run(
        "generate", "--model", tiny, "--class", "LGG", "--seed", LEARNT, "--out", tmp_path / "out",
        "--gallery", gallery,
    )  # fmt: skip
    assert outcome.code == 2
    assert "too near to a real ROI, and nothing was written" in outcome.err
    assert "--allow-copies" in outcome.err
    assert not (tmp_path / "out").exists()


def test_copies_are_written_if_allowed_and_say_what_they_are(generate, tmp_path):
    found = generate(tmp_path / "out", "--allow-copies").json
    assert found["withheld"] == []
    assert found["copies_written"] == 1
    assert [sample["seed"] for sample in found["samples"]] == [LEARNT, NEW]
    check = record_of(tmp_path / "out", LEARNT)["copy_check"]
    assert (check["verdict"], check["withheld_unless_allowed"]) == ("copy", True)
    assert record_of(tmp_path / "out", NEW)["copy_check"]["withheld_unless_allowed"] is False


def test_what_an_earlier_call_has_written_is_named(generate, tmp_path):
    generate(tmp_path / "out", compared=False)
    before = record_of(tmp_path / "out", NEW)
    assert before["copy_check"] is None
    (held,) = generate(tmp_path / "out").json["withheld"]
    assert held["earlier"] == str(tmp_path / "out" / "synthetic_LGG_000007.json")
    assert record_of(tmp_path / "out", NEW)["copy_check"] is not None
    assert record_of(tmp_path / "out", LEARNT)["copy_check"] is None  # nothing is lost


def test_the_seal_holds_the_verdict(run, refuse, generate, tiny, gallery, tmp_path):
    generate(tmp_path / "out", "--allow-copies")
    path = tmp_path / "out" / "synthetic_LGG_000007.json"
    again = ("generate", "--model", tiny, "--from", path, "--out", tmp_path / "again")
    assert "is a copy of a real ROI" in refuse(*again)
    again = (*again, "--gallery", gallery)
    assert run(*again).code == 2
    again = (*again, "--allow-copies")
    told = run(*again)
    assert told.code == 0
    assert "1 of them too near to a real ROI, and written because of --allow-copies" in told.out
    assert record_of(tmp_path / "again", LEARNT)["copy_check"]["verdict"] == "copy"
    image = "synthetic_LGG_000007_roi.nii.gz"
    assert (tmp_path / "again" / image).read_bytes() == (tmp_path / "out" / image).read_bytes()
    record = json.loads(path.read_text())
    record["copy_check"]["verdict"] = "usual"
    path.write_text(json.dumps(record))
    refuse(*again)


def test_repeating_a_copy_is_no_way_around(run, generate, tiny, gallery, tmp_path):
    generate(tmp_path / "out", compared=False)
    path = tmp_path / "out" / "synthetic_LGG_000007.json"
    outcome = run(
        "generate", "--model", tiny, "--from", path, "--out", tmp_path / "again",
        "--gallery", gallery,
    )  # fmt: skip
    assert outcome.code == 2
    assert not (tmp_path / "again").exists()


def test_a_harmless_record_keeps_its_verdict_when_it_is_repeated(run, generate, tiny, tmp_path):
    generate(tmp_path / "out", seed=NEW, count=1)
    path = tmp_path / "out" / f"synthetic_LGG_{NEW:06d}.json"
    again = run("generate", "--model", tiny, "--from", path, "--out", tmp_path / "again")
    assert again.code == 0
    check = record_of(tmp_path / "out", NEW)["copy_check"]
    assert record_of(tmp_path / "again", NEW)["copy_check"] == check


@pytest.mark.parametrize("what", ["volumes/case-000", "outlines"])
def test_a_damaged_gallery_lets_no_copy_pass(generate, refuse, tiny, images, tmp_path, what):
    """The header of the file is whole, and its length: only its voxels are gone."""
    damaged = gallery_of(images[:33], tmp_path / "damaged")
    (victim,) = damaged.glob(f"{what}*")
    content = bytearray(victim.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)
    victim.write_bytes(content)
    words = refuse(
        "generate", "--model", tiny, "--class", "LGG", "--seed", LEARNT, "--out", tmp_path / "out",
        "--gallery", damaged,
    )  # fmt: skip
    assert victim.name in words
    assert "gallery build again" in words
    assert not (tmp_path / "out").exists()


def test_a_key_that_was_changed_is_noticed(refuse, images, tmp_path):
    other = gallery_of(images[:3], tmp_path)
    key = other / "pseudonyms.key"
    written = key.read_text()
    digit = "0" if written[5] != "0" else "1"
    key.write_text(written[:5] + digit + written[6:])
    assert "missing or damaged" in refuse("gallery", "resolve", "0" * 16, "--gallery", other)
    pseudonym = Pseudonyms(build_and_open(other, written.partition(" ")[0])).of(1)  # an older key
    assert len(pseudonym) == 16


def build_and_open(folder, key):
    (folder / "pseudonyms.key").write_text(key)
    return Gallery.open(folder)


def test_a_verdict_does_not_depend_on_the_others(generate, tmp_path):
    generate(tmp_path / "few", seed=NEW, count=1)
    generate(tmp_path / "many", seed=LEARNT, count=4)
    few, many = (record_of(tmp_path / name, NEW) for name in ("few", "many"))
    assert few["copy_check"] == many["copy_check"]


def test_transforms(generate, images, run, tiny, tmp_path):
    mirrored = [images[0][..., ::-1].copy(), *images[1:]]
    gallery = gallery_of(mirrored, tmp_path, transforms=True)
    call = ("generate", "--model", tiny, "--class", "LGG", "--seed", LEARNT, "--count", 2,
            "--gallery", gallery, "--json")  # fmt: skip
    assert run(*call, "--out", tmp_path / "plain").json["withheld"] == []
    (held,) = run(*call, "--out", tmp_path / "searched", "--transforms").json["withheld"]
    assert held["seed"] == LEARNT
    assert held["copy_check"]["transforms"] is True


def test_a_small_gallery_still_holds_back_the_very_same(run, tiny, images, tmp_path):
    gallery = gallery_of(images[:5], tmp_path)
    found = run(
        "generate", "--model", tiny, "--class", "LGG", "--seed", LEARNT, "--count", 2,
        "--out", tmp_path / "out", "--gallery", gallery, "--json",
    ).json  # fmt: skip
    (held,) = found["withheld"]
    assert held["seed"] == LEARNT
    assert held["copy_check"]["verdict"] == "not calibrated"
    assert "one and the same tumour" in held["sentence"]
    check = record_of(tmp_path / "out", NEW)["copy_check"]
    assert (check["verdict"], check["p_value"]) == ("not calibrated", None)


def test_galleries_that_cannot_be_used(refuse, tiny, images, gallery, tmp_path):
    call = ("generate", "--model", tiny, "--class", "LGG", "--out", tmp_path / "out", "--gallery")
    assert "no finished gallery" in refuse(*call, tmp_path)
    other = gallery_of(images[:3], tmp_path, spacing_mm=2.0)
    assert "16 x 16 x 16 voxels of 4 mm; the gallery has 16 x 16 x 16 voxels of 2 mm" in refuse(
        *call, other
    )
    (other / "pseudonyms.key").write_text("00")
    assert "pseudonyms.key" in refuse("gallery", "resolve", "0" * 16, "--gallery", other)
    plain = ("generate", "--model", tiny, "--class", "LGG", "--out", tmp_path / "out")
    assert "--gallery" in refuse(*plain, "--allow-copies")
    assert "--gallery" in refuse(*plain, "--transforms")
    assert not (tmp_path / "out").exists()

import hashlib
import os

import numpy as np
import pytest

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.generators import synthetic
from napari_tumor_synth.generators.provenance import (
    DecodingSettings,
    Provenance,
    read_provenance,
    versions,
)
from napari_tumor_synth.generators.synthetic import sample_files, synthetic_roi, write_synthetic


def _sample(*, class_name="LGG", sequences=("flair", "t1ce"), brightness=0.5):
    image = np.full((len(sequences), 8, 8, 8), -1, np.float32)
    image[:, 2:6, 2:6, 2:6] = brightness
    provenance = Provenance(
        model_name="tiny",
        model_sha256="0" * 64,
        family="vqgan",
        class_name=class_name,
        seed=3,
        sequences=sequences,
        grid=(8, 8, 8),
        spacing_mm=2,
        decoding=DecodingSettings(),
        device="cpu",
        versions=versions(),
        created=f"by {brightness}",
        tokens=((0,),),
        token_grid=(1, 1, 1),
    )
    return synthetic_roi(image, provenance)


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_record_names_the_hashes_of_its_files(tmp_path):
    files = write_synthetic(_sample(), tmp_path / "out")
    named = {"flair": files.images[0], "t1ce": files.images[1], "mask": files.mask}
    assert read_provenance(files.provenance).files == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in named.items()
    }
    assert sorted(_contents(tmp_path / "out")) == [
        "synthetic_LGG_000003.json",
        "synthetic_LGG_000003_flair_roi.nii.gz",
        "synthetic_LGG_000003_mask.nii.gz",
        "synthetic_LGG_000003_t1ce_roi.nii.gz",
    ]


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are those of POSIX")
def test_files_have_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "ordinary").write_text("")
    ordinary = (tmp_path / "ordinary").stat().st_mode
    files = write_synthetic(_sample(), tmp_path)
    for path in (*files.images, files.mask, files.provenance):
        assert path.stat().st_mode == ordinary


def test_another_sample_of_that_name_is_replaced_as_a_whole(tmp_path):
    write_synthetic(_sample(brightness=0.1), tmp_path / "out")
    write_synthetic(_sample(brightness=0.9), tmp_path / "out")
    write_synthetic(_sample(brightness=0.9), tmp_path / "fresh")
    assert _contents(tmp_path / "out") == _contents(tmp_path / "fresh")


@pytest.mark.parametrize("step", ["write_roi_images", "write_json", "sha256_of_file"])
def test_a_failed_rewrite_keeps_the_earlier_sample(tmp_path, monkeypatch, step):
    def fail(*arguments, **options):
        raise OutputError("Cannot write.", "Free space.")

    write_synthetic(_sample(brightness=0.1), tmp_path / "out")
    before = _contents(tmp_path / "out")
    monkeypatch.setattr(synthetic, step, fail)
    with pytest.raises(OutputError):
        write_synthetic(_sample(brightness=0.9), tmp_path / "out")
    assert _contents(tmp_path / "out") == before
    with pytest.raises(OutputError):
        write_synthetic(_sample(), tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.fixture
def stop_at(monkeypatch):
    """Let the n-th renaming in a folder fail, and watch what stands there before each."""
    replace = synthetic.Path.replace

    def arrange(folder, number, error, watch=lambda: None):
        seen = []

        def stopping(path, target):
            if folder in (path.parent, target.parent):
                watch()
                seen.append(path)
                if len(seen) == number:
                    raise error
            return replace(path, target)

        monkeypatch.setattr(synthetic.Path, "replace", stopping)
        return seen

    return arrange


@pytest.mark.parametrize("error", [OSError(13, "Permission denied"), KeyboardInterrupt()])
@pytest.mark.parametrize("number", range(1, 9))
def test_an_exchange_that_fails_half_way_is_undone(tmp_path, stop_at, number, error):
    out = tmp_path / "out"
    write_synthetic(_sample(brightness=0.1), out)
    before = _contents(out)
    stop_at(out, number, error)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_synthetic(_sample(brightness=0.9), out)
    assert _contents(out) == before


def test_no_record_ever_stands_beside_other_files(tmp_path, stop_at):
    out = tmp_path / "out"
    files = write_synthetic(_sample(brightness=0.1), out)
    paths = {"flair": files.images[0], "t1ce": files.images[1], "mask": files.mask}

    def check():
        if files.provenance.exists():
            record = read_provenance(files.provenance)
            for name, path in paths.items():
                assert hashlib.sha256(path.read_bytes()).hexdigest() == record.files[name]

    seen = stop_at(out, 0, None, check)
    write_synthetic(_sample(brightness=0.9), out)
    assert len(seen) == 8
    assert read_provenance(files.provenance).created == "by 0.9"


def test_errors_name_the_users_own_folder(tmp_path, monkeypatch):
    def full(path, content):
        raise OutputError(f"Cannot write {path}: No space left on device.", "Free space.")

    monkeypatch.setattr(synthetic, "write_json", full)
    with pytest.raises(OutputError) as caught:
        write_synthetic(_sample(), tmp_path)
    record = tmp_path / "synthetic_LGG_000003.json"
    assert caught.value.problem == f"Cannot write {record}: No space left on device."


def test_the_name_of_a_class_cannot_lead_out_of_the_folder(tmp_path):
    files = write_synthetic(_sample(class_name="../../BRAF fusion"), tmp_path / "out")
    assert files.mask.parent == tmp_path / "out"
    assert files.mask.name.startswith("synthetic_BRAF-fusion-")
    assert files.mask.is_file()
    assert read_provenance(files.provenance).class_name == "../../BRAF fusion"


def test_classes_never_share_file_names(tmp_path):
    names = ["IDH+", "IDH-", "IDH", "胶质瘤", "глиома", "class", "a/b", "a b", "x" * 300, "x" * 301]
    stems = [sample_files(tmp_path, name, 3, ("flair",)).provenance.name for name in names]
    assert len(set(stems)) == len(names)
    assert max(map(len, stems)) < 150
    assert all(stem.isascii() for stem in stems)


@pytest.mark.parametrize("name", ["LGG", "HGG", "BRAF_fusion-1"])
def test_plain_names_of_classes_stay(tmp_path, name):
    files = sample_files(tmp_path, name, 7, ("flair",))
    assert files.image == tmp_path / f"synthetic_{name}_000007_roi.nii.gz"
    assert files.mask == tmp_path / f"synthetic_{name}_000007_mask.nii.gz"
    assert files.provenance == tmp_path / f"synthetic_{name}_000007.json"

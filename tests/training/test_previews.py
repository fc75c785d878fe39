import numpy as np

from napari_tumor_synth.training.runs.previews import preview_path, read_preview, write_preview


def test_volumes_come_back_by_name(tmp_path):
    volumes = {"held out": [np.full((1, 2, 3, 4), v, np.float32) for v in (-1, 0.5)]}
    write_preview(tmp_path, "samples", volumes, 2.0, "step 5")
    found = read_preview(tmp_path, "samples")
    assert found.spacing_mm == 2.0
    assert found.title == "step 5"
    assert found.volumes.keys() == {"held out"}
    assert found.volumes["held out"].shape == (2, 1, 2, 3, 4)
    assert np.array_equal(found.volumes["held out"][1], volumes["held out"][1])


def test_a_missing_or_damaged_preview_is_none(tmp_path):
    assert read_preview(tmp_path, "samples") is None
    write_preview(tmp_path, "samples", {"a": [np.zeros((1, 2, 2, 2), np.float32)]}, 1.0, "")
    whole = preview_path(tmp_path, "samples").read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"no archive", whole[:-30]):
        preview_path(tmp_path, "samples").write_bytes(damaged)
        assert read_preview(tmp_path, "samples") is None

import struct
import zlib

import numpy as np
import pytest

from napari_tumor_synth.generators.provenance import SYNTHETIC_NOTICE
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.workflows.sample_sheet import is_sample_sheet


def _sheet(path, *, synthetic):
    image = np.full((8, 8, 8), -1, np.float32)
    image[2:6, 2:6, 2:6] = 0.5
    item = SheetItem(image, "one", (1.0, 1.0, 1.0), image > -1)
    contact_sheet([("LGG", [item])], path, title="t", synthetic=synthetic)
    return path


def test_the_notice_on_a_sheet_is_the_notice_of_all_synthetic_files(tmp_path):
    # imaging, which draws the sheet, cannot import the notice from generators
    from PIL import Image

    with Image.open(_sheet(tmp_path / "s.png", synthetic=True)) as image:
        assert image.info["Description"] == SYNTHETIC_NOTICE


def test_only_sheets_of_synthetic_rois_are_known_as_such(tmp_path):
    assert is_sample_sheet(_sheet(tmp_path / "s.png", synthetic=True))
    assert not is_sample_sheet(_sheet(tmp_path / "r.png", synthetic=False))


def _png(width, height):
    def chunk(kind, content):
        sum_of = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_of

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x89PNG\r\n\x1a\n", _png(2, 2)[:30], _png(2, 2), _png(60000, 60000)]
)
def test_files_that_are_no_sheets(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    assert not is_sample_sheet(tmp_path / "x.png")
    assert not is_sample_sheet(tmp_path)

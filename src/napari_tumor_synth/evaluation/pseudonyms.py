"""Names for real ROIs that may leave with synthetic files: they mean nothing without the gallery.

A pseudonym is a keyed hash of a case's name; the key is drawn once from the operating system's
randomness, and lies in the gallery's folder alone.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from napari_tumor_synth.errors import GalleryError, InputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.files import atomic_file

KEY = "pseudonyms.key"
_KEY_BYTES, _DIGITS = 32, 16


def ensure_key(folder: Path) -> None:
    """Draw the key of a gallery, unless it has one.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    if not (folder / KEY).is_file():
        with atomic_file(folder / KEY) as temporary:
            key = secrets.token_bytes(_KEY_BYTES)
            temporary.write_text(f"{key.hex()} {_check_of(key)}", "ascii")
        (folder / KEY).chmod(0o600)


class Pseudonyms:
    """The pseudonyms of a gallery's ROIs.

    Raises
    ------
    GalleryError
        The gallery's key is missing or damaged.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._key = _read_key(gallery.folder / KEY)

    def of(self, index: int) -> str:
        """Return the pseudonym of a real ROI: 16 hexadecimal digits."""
        return self._keyed(f"roi {self._gallery.entries[index].name}")

    @property
    def of_gallery(self) -> str:
        """That of the gallery itself, which stays when it grows."""
        return self._keyed("gallery")

    def resolve(self, pseudonym: str) -> int:
        """Return the index of the real ROI that a pseudonym stands for.

        Raises
        ------
        InputError
            It stands for none of this gallery.
        """
        wanted = pseudonym.strip().lower()
        for index in range(len(self._gallery)):
            if self.of(index) == wanted:
                return index
        raise InputError(
            f"The pseudonym {pseudonym} stands for no ROI of the gallery {self._gallery.folder}.",
            "Name the gallery that the synthetic ROI was compared with.",
        )

    def _keyed(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def _read_key(path: Path) -> bytes:
    try:
        written, _, check = path.read_text("ascii").partition(" ")
        key = bytes.fromhex(written)
    except (OSError, ValueError):
        key, check = b"", ""
    if len(key) != _KEY_BYTES or check.strip() not in ("", _check_of(key)):  # "": older keys
        raise GalleryError(
            f"The key of the gallery's pseudonyms, {path}, is missing or damaged.",
            "Put it back from a copy. Where there is none, delete it and run tumor-synth gallery "
            "build again: pseudonyms that were given before can then no longer be resolved.",
        )
    return key


def _check_of(key: bytes) -> str:
    """Return what tells a key that was changed by accident."""
    return hashlib.sha256(b"check " + key).hexdigest()[:_DIGITS]

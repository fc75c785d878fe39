"""What the user set in napari's preferences for this plugin."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_tumor_synth.widgets.planes.anatomy import Convention

_PLUGIN = "napari-tumor-synth"


@dataclass(frozen=True)
class Preferences:
    """See the configurations in napari.yaml, where the defaults are the same.

    Attributes
    ----------
    convention : {"radiological", "neurological"}
    device : str
        "auto" or torch's name.
    memory_cap_gb : float
        0 for none.
    cache_folder : str
        "" for the system's own place.
    gallery_folder : str
        Of the real ROIs to compare with; "" before any was chosen.
    """

    convention: Convention = "radiological"
    device: str = "auto"
    memory_cap_gb: float = 0.0
    cache_folder: str = ""
    gallery_folder: str = ""


def follow_convention(on_change: Callable[[Convention], None]) -> Callable[[], None]:
    """Tell of another convention until the returned function is called."""
    from napari.settings import get_plugin_settings

    try:
        emitter = get_plugin_settings(_PLUGIN).display.events.convention
    except KeyError:
        return lambda: None

    def tell(event: Any) -> None:
        on_change(event.value)

    emitter.connect(tell)
    return lambda: emitter.disconnect(tell)


def preferences() -> Preferences:
    """Return what is set; the defaults where the plugin is not known to napari."""
    from napari.settings import get_plugin_settings

    try:
        found = get_plugin_settings(_PLUGIN)
    except KeyError:
        return Preferences()
    convention = cast("Literal['radiological', 'neurological']", str(found.display.convention))
    return Preferences(
        convention=convention,
        device=str(found.compute.device) or "auto",
        memory_cap_gb=float(found.compute.memory_cap_gb),
        cache_folder=str(found.storage.cache_folder),
        gallery_folder=str(found.storage.gallery_folder),
    )


def remember_gallery(folder: Path | str) -> None:
    """Open this gallery of real ROIs in later sessions, too; "" forgets it."""
    from napari.settings import get_plugin_settings

    with suppress(KeyError):  # where the plugin is not known to napari
        get_plugin_settings(_PLUGIN).storage.gallery_folder = str(folder)

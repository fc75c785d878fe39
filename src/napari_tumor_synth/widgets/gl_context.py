"""Keeps the drawing of several canvases apart.

napari draws what is waiting for a canvas whenever a layer leaves it, into whatever OpenGL context
is current (`context.finish` in its canvas). With one canvas that is the right one; here are four,
and textures would be made in another's context: "Could not find texture", or a wrong picture.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.components import LayerList
    from qtpy.QtOpenGLWidgets import QOpenGLWidget


def draw_in_own_context(layers: LayerList, canvas: QOpenGLWidget) -> Callable[[], None]:
    """Make the context of a canvas current before a layer is removed from its list.

    Returns
    -------
    callable
        Ends it.
    """
    known = weakref.ref(canvas)  # no list of layers may keep a closed canvas

    def make_current(event: Any) -> None:
        if (canvas := known()) is not None:
            canvas.makeCurrent()

    layers.events.removing.connect(make_current)
    return lambda: layers.events.removing.disconnect(make_current)

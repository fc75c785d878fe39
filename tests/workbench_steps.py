"""What a user does with the workbench, for tests that drive it."""

from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication


def opened(bench, qtbot, path):
    session, before = bench.session, bench.session.case
    bench.roi.size_choice.setCurrentIndex(0)
    bench.case.load([path])
    qtbot.waitUntil(lambda: session.case is not before and session.roi is not None, timeout=20_000)
    return bench.scene.viewer


def generated(bench, qtbot, seed, count=1):
    before = len(bench.session.samples)
    bench.generate.seed.set_value(seed)
    bench.generate.count.setValue(count)
    bench.generate.generate()
    qtbot.waitUntil(lambda: len(bench.session.samples) == before + count, timeout=30_000)
    return bench.session.samples[before:]


def dropped(widget, *urls):
    """Drop files, folders or addresses onto a widget."""
    data = QMimeData()
    data.setUrls([QUrl(url) for url in urls])
    button, key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for kind, place in ((QDragEnterEvent, QPoint(5, 5)), (QDropEvent, QPointF(5, 5))):
        event = kind(place, Qt.DropAction.CopyAction, data, button, key)
        event.setAccepted(False)
        QApplication.sendEvent(widget, event)
        assert event.isAccepted()

"""A reader of known skill who drives the real reading window by keys; run as a program.

Arguments: study folder, key file, reader, d', and after how many keys the program kills itself
(0: never): in a case, its feedback, a break or between. Prints the milliseconds from each
confirmation to the next case on screen.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.reading import open_reading
from napari_tumor_synth.study.study_file import Study
from napari_tumor_synth.widgets.reading.window import ReadingWindow

PATIENCE_S = 30


def main(study: str, key: str, reader: str, skill: str, kill_after: str) -> None:
    app = QApplication([])
    opened = Study.open(study)
    told = read_key_file(Path(key), opened.file)
    reading = open_reading(opened, reader)
    window = ReadingWindow(reading)
    window.resize(1200, 800)
    window.show()
    window.activateWindow()
    shown: list[float] = []
    window.on_screen.connect(lambda: shown.append(time.perf_counter()))

    def wait(ready) -> None:
        end = time.perf_counter() + PATIENCE_S
        while not ready():
            app.processEvents()
            if time.perf_counter() > end:
                raise TimeoutError(reading.phase)

    pressed: list[Qt.Key] = []

    def press(key: Qt.Key) -> None:
        QTest.keyClick(window.focusWidget() or window, key)
        pressed.append(key)
        if len(pressed) == int(kill_after):
            os.kill(os.getpid(), signal.SIGKILL)

    wait(window.isActiveWindow)
    rng = np.random.default_rng([len(reading.log.events), *reader.encode()])
    while reading.phase != "finished":
        if reading.phase == "consent":
            window.consent.consent.setChecked(True)
            window.consent.begin.click()
        elif reading.phase in ("break", "feedback"):
            phase = reading.phase
            press(Qt.Key.Key_Return)
            wait(lambda phase=phase: reading.phase != phase)
        else:
            step = reading.step
            wait(lambda step=step: window.is_on_screen(step))
            truth = told.images[step.presentation.images[-1]].truth == "synthetic"
            seen = rng.standard_normal() + float(skill) * (truth - 0.5)
            press(Qt.Key.Key_Up)
            press(Qt.Key(Qt.Key.Key_1.value + int(np.digitize(seen, [-1, -0.4, 0, 0.4, 1]))))
            confirmed, before = time.perf_counter(), len(shown)
            press(Qt.Key.Key_Return)
            wait(lambda step=step: reading.step is not step or reading.phase == "feedback")
            if reading.phase == "case":
                wait(lambda before=before: len(shown) > before)
                print(round(1000 * (shown[-1] - confirmed), 1), flush=True)
    window.close()
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The reading window in a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_tumor_synth.errors import TumorSynthError

EXIT_BAD_INPUT = 2


def main(given: list[str] | None = None) -> int:
    """Open the reading window of a study for one reader."""
    parser = argparse.ArgumentParser(description=main.__doc__, epilog="Not for clinical use.")
    parser.add_argument("study", type=Path, help="study folder")
    parser.add_argument("--reader", required=True, help="code of the reader")
    parser.add_argument("--window", action="store_true", help="do not fill the screen")
    parser.add_argument("--tell", action="store_true", help="say what is wrong in a window")
    arguments = parser.parse_args(given)

    from napari_tumor_synth.study.reading import open_reading
    from napari_tumor_synth.study.study_file import Study

    try:
        study = Study.open(arguments.study)
        study.require_whole()
        reading = open_reading(study, arguments.reader)
    except TumorSynthError as error:
        if sys.stderr is not None:  # None without a console
            sys.stderr.write(f"{error}\n")
        if arguments.tell:
            _tell(error)
        return EXIT_BAD_INPUT

    from qtpy.QtWidgets import QApplication

    from napari_tumor_synth.widgets.reading.window import ReadingWindow

    app = QApplication.instance() or QApplication(sys.argv[:1])
    window = ReadingWindow(reading)
    if arguments.window:
        window.resize(1400, 900)
        window.show()
    else:
        window.showMaximized()
    return int(app.exec())


def _tell(error: TumorSynthError) -> None:
    from qtpy.QtWidgets import QApplication, QMessageBox

    app = QApplication.instance() or QApplication(sys.argv[:1])
    QMessageBox.critical(None, "The reading cannot begin", str(error))
    del app


if __name__ == "__main__":
    sys.exit(main())

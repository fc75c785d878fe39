"""Tests that need a display are skipped without one, unless it is required (as `.ci/run` does)."""

import os
import sys

import pytest


def display_is_there() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gui") is None or display_is_there():
        return
    reason = "no display, and no Xvfb to make one: scripts/system_packages.sh says what to install"
    if os.environ.get("TUMOR_SYNTH_REQUIRE_DISPLAY"):
        pytest.fail(reason)
    pytest.skip(reason)

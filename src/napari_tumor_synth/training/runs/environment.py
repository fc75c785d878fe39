"""What a training ran with, for its provenance."""

import functools
import platform
import shutil
import subprocess
from pathlib import Path

from napari_tumor_synth.generators.provenance import versions


def environment() -> dict[str, str]:
    """Return versions, system and the commit of the source; no path, user or host name."""
    return {
        **versions(),
        "system": platform.system(),
        "machine": platform.machine(),
        "commit": source_commit(),
    }


@functools.cache  # the code that was loaded does not change any more
def source_commit() -> str:
    """Return the commit of the source in use, with ``+changes`` if files differ from it.

    "unknown" for an installed package, which is no part of a repository.
    """
    package = Path(__file__).parent.parent
    git = shutil.which("git")
    if git is None or _git(git, package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return "unknown"  # a repository around an environment is not the source's
    commit = _git(git, package, "rev-parse", "HEAD")
    if commit is None:
        return "unknown"
    changed = _git(git, package, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return f"{commit}+changes" if changed else commit


def _git(git: str, folder: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(
            [git, "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()

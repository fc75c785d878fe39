#!/usr/bin/env bash
# Makes .venv and installs the project into it; does nothing while what it was made from is unchanged.
# PYTHON names another interpreter. pip's own variables and configuration files are left alone, so an
# index, find-links folder or proxy that the user has set up is the one that is used.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

environment=.venv
stamp="$environment/.made-from"

fingerprint() { # the version is stored in the installed metadata, the path in the console scripts
    { cat pyproject.toml constraints.txt src/napari_tumor_synth/__init__.py "$0"; pwd; } | cksum
}

usable() { # a supported version that can make environments
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

trouble_with() { # what is wrong with an interpreter, as a sentence
    local version
    if ! command -v "$1" >/dev/null; then
        echo "$1 was not found."
    elif ! version="$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)"; then
        echo "$1 does not run."
    elif [[ "$version" == 3.1[123] ]]; then
        echo "$1 is Python $version without its venv module; on Debian or Ubuntu: sudo apt-get install python$version-venv"
    else
        echo "$1 is Python $version."
    fi
}

find_python() { # 3.11 first: it is the one that the whole suite was run with
    local candidate candidates="${PYTHON:-python3.11 python3.12 python3.13 python3}"
    for candidate in $candidates; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    {
        echo "No usable Python:"
        for candidate in $candidates; do echo "  $(trouble_with "$candidate")"; done
        echo "Python 3.11, 3.12 or 3.13 with its venv module is needed. Install one beside yours and name it: make PYTHON=/path/to/python3.11 ..."
    } >&2
    return 1
}

identity() { "$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null; }

environment_fits() { # whole, still where it was made, and of the Python asked for
    [[ -x "$environment/bin/python" && -x "$environment/bin/pip" ]] &&
        grep -q "$PWD/$environment" "$environment/bin/activate" &&
        { [[ -z "${PYTHON:-}" ]] || [[ "$(identity "$PYTHON")" == "$(identity "$environment/bin/python")" ]]; }
}

if ! environment_fits; then
    python="$(find_python)"
    echo "Making $environment with $("$python" --version)"
    "$python" -m venv --clear "$environment"
fi

made_from="$(fingerprint)"
if [[ -f "$stamp" && "$(<"$stamp")" == "$made_from" ]]; then
    exit 0
fi
rm -f "$stamp"

verbosity=--quiet
if [[ -t 1 ]]; then verbosity=--progress-bar=on; fi
pip_install() {
    "$environment/bin/python" -m pip --disable-pip-version-check install "$verbosity" --constraint constraints.txt "$@"
}

echo "Installing PyTorch (some minutes)"
pip_install --upgrade pip
pip_install torch
echo "Installing napari-tumor-synth and what it needs (some minutes)"
pip_install --editable ".[all,dev]"
echo "$made_from" >"$stamp"

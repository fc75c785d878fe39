#!/usr/bin/env bash
# Pins what .venv holds, as constraints.txt. Run it in an environment that was made afresh, after the
# whole suite has passed in it.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

python=.venv/bin/python
version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
pins="$("$python" -m pip --disable-pip-version-check freeze --all --exclude-editable |
    grep -v -e '^#' -e '^-e' -e '^setuptools==' | sed 's/+.*//' | LC_ALL=C sort -f)"
{
    echo "# The set of versions that the whole suite was run with: Python $version, Linux x86-64."
    echo "# pyproject.toml holds the ranges; this file makes an installation repeatable:"
    echo "#     pip install -c constraints.txt ..."
    echo "# Written by scripts/write_constraints.sh."
    echo "$pins"
} >constraints.txt

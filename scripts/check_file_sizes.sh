#!/usr/bin/env bash
# Fails when a file that is about to be committed is too large: history keeps it for ever.
# Bundled models may have 40 MiB, everything else 1 MiB.
set -euo pipefail

status=0
for file in "$@"; do
    [[ -f "$file" && ! -L "$file" ]] || continue
    limit=1
    [[ "$file" == src/napari_tumor_synth/*.safetensors ]] && limit=40
    if [[ "$(wc -c <"$file")" -gt $((limit * 1024 * 1024)) ]]; then
        echo "$file is larger than $limit MiB." >&2
        status=1
    fi
done
exit "$status"

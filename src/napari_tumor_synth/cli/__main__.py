"""Run the command line as ``python -m napari_tumor_synth.cli``."""

from napari_tumor_synth.cli.main import main

main()

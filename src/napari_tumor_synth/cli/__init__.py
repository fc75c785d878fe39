"""The `tumor-synth` command: one small file a group of verbs, no logic."""

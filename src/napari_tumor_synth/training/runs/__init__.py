"""Runs: their folders, states, status, and processes of their own."""

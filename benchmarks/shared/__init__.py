"""Shared by the benchmarks; holds none itself."""

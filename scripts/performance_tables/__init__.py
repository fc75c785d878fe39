"""The tables of docs/performance.md, by subject: each makes one of a benchmark's result."""

"""Visual Turing tests: design, display copies, reading log, statistics, leak audit, report."""

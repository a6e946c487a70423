"""Processes: one that serves alone, or a supervisor with workers."""

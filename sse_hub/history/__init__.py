"""The recorded log: one process writes it, every process reads it."""

"""
Rules that watch the log, and the alerts they make: docs/alerts.md describes them for users.

    rule file, page --> Rule ──┐
    lines of the log ──────────┴──► conditions --> Alert --> the outbox in Redis --> destinations
"""

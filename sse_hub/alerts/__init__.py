"""
Rules that watch the log, and the alerts they make: docs/alerts.md describes them for users.

    rule file, page --> AlertRule ──┐
    lines of the log ───────────────┴──► conditions --> Alert --> the outbox in Redis --> destinations
"""

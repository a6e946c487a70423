"""
Checks of an installation: each tries something and reports a result.

    machine, redis, hub --> CheckResult(status, subject, detail) --> a line each
"""

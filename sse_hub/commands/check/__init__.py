"""
What is wrong with a set-up: each check tries something, and reports what it found.

    machine, redis, hub --> Finding(grade, subject, detail) --> a line each
"""

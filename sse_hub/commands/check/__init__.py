"""
Commands for who runs a hub; none of them is a part of one.

    sse-hub check --> check: findings on Redis, this machine, and the way to the hub
    sse-hub top --> top: /channels, /health/ready and /metrics as a table, again and again
    sse-hub redis-acl --> acl: the accounts that Redis should have
"""

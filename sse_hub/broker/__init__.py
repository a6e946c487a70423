"""Redis as the hub speaks to it: keys, scripts, sessions, fences."""

"""The canary: a client of the hub that judges what it gets."""

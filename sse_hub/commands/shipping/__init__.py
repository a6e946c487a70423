"""What `ship` and `docker` share: publishing lines exactly once, and remembering the positions."""

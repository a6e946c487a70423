"""What `ship` and `docker` share: publishing lines exactly once, and remembering how far."""

"""What `sse-hub …` runs: a module or a folder for each command."""

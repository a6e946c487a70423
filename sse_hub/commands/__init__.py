"""The commands of `sse-hub`: a module or a folder each."""

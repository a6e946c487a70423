"""Live delivery in memory: rings, feeds, subscribers. States what it needs of Redis as two protocols, in `backend`."""

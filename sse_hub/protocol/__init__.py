"""What hub and clients agree on: ids, lines, selections, frames. Pure: no I/O, no clock."""

"""All I/O: the drivers of flows, and what answers their requests."""

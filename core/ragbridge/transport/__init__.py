"""All I/O: the drivers of flows, and the transports that send their requests."""

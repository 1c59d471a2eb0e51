"""Jobs that the service works on by itself."""

"""What stands below everything else: addresses, numbers, and what Redis servers are spoken to by."""

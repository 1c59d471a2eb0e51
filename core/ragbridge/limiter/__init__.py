"""Quotas: limits, tiers, the queue of a process, and estimates of tokens."""

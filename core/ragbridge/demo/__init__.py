"""One pipeline in each of three frameworks over the same text, measured: what ``ragbridge demo`` runs.

The only part of the core that knows the adapters: each framework's module imports its own, when it is asked for.
"""

"""One pipeline in each of three frameworks over the same text, measured: what ``ragbridge demo`` runs.

The only part of the core that uses the adapters. The module of each framework imports that framework, on first use.
"""

"""Segmentation: texts split into chunks by the service."""

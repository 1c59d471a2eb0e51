"""Inference endpoints: create, read, update, delete."""

"""Observers of the cache on any device, whose logs are held against its models."""

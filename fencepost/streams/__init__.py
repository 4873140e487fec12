"""CUDA streams on a machine without a GPU: a virtual device, and what nothing orders on it."""

from fencepost.streams.virtual import virtual_cuda

__all__ = ["virtual_cuda"]

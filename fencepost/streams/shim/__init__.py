"""The virtual CUDA device under torch; the only part of the package that imports torch."""

from fencepost.streams.shim.emulation import audit_emulation, emulates
from fencepost.streams.shim.stubs import load_adapter

__all__ = ["audit_emulation", "emulates", "load_adapter"]

"""An implementation held against a model: steps performed on it, and what is seen compared."""

from fencepost.engines.conform.adapter import Adapter, Refused

__all__ = ["Adapter", "Refused"]

"""Adapters that come with fencepost: what packages need to be driven on the virtual device."""

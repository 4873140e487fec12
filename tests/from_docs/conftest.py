"""The comparison with Spin and Rumur is skipped here where it is skipped elsewhere."""

from tests.agreement.conftest import both_peers

__all__ = ["both_peers"]

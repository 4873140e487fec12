"""A recorded log held against a model: is it a run of the protocol?"""

from fencepost.engines.conform.logs.events import Event, Log
from fencepost.engines.conform.logs.following import Claim, Followed, follow

__all__ = ["Claim", "Event", "Followed", "Log", "follow"]

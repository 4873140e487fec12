"""What one run of the cache showed."""

from __future__ import annotations

from dataclasses import dataclass, field

from fencepost.streams.detect import Race


@dataclass(frozen=True)
class Changed:
    """A request whose tokens are not those of the oracle."""

    request: int
    tokens: tuple[int, ...]
    right: tuple[int, ...]

    def __str__(self) -> str:
        return f"{' '.join(map(str, self.tokens))} for {' '.join(map(str, self.right))}"


@dataclass
class Outcome:
    """`failed` are names of the model's properties; `log` says who went on, step by step."""

    failed: set[str] = field(default_factory=set)
    changed: list[Changed] = field(default_factory=list)
    races: list[Race] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

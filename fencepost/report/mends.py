"""What mends a violation, in words."""

from __future__ import annotations

from fencepost.analyses.mending import Hint, Names
from fencepost.core.system import Design, System

MOST_OTHERS = 3


def hint_text(system: System, design: Design, hint: Hint) -> str:
    """The barriers that mend a violation, with what they are, what else does and what it costs."""
    if not hint.barriers:
        return f"mended by: {_nothing(system, design, hint)}"
    texts = {barrier.name: barrier.text for barrier in system.barriers}
    mended = " and ".join(f"{name} ({texts[name].rstrip('.')})" for name in hint.barriers)
    how = "mended by switching off" if hint.switched_off else "mended by"
    others = "".join(f", or {' and '.join(names)}" for names in hint.others[:MOST_OTHERS])
    if len(hint.others) > MOST_OTHERS:
        others += f", and {len(hint.others) - MOST_OTHERS} more"
    breaks = f"; it breaks {_listed(hint.breaks)} instead" if hint.breaks else ""
    stay = "stays" if len(hint.leaves) == 1 else "stay"
    leaves = f"; {_listed(hint.leaves)} {stay} violated" if hint.leaves else ""
    return f"{how}: {mended}{others}{breaks}{leaves}"


def _nothing(system: System, design: Design, hint: Hint) -> str:
    if not system.barriers:
        return "nothing, the model has no barrier"
    off = len(system.barriers) - len(design.barriers)
    either = any(p.name == hint.property and p.kind == "reachable" for p in system.properties)
    if not off and not either:
        return "nothing, all barriers are on"
    tried = max(off, len(design.barriers)) if either else off
    pairs = ", and no two together" if tried > 1 else ""
    return f"no barrier{pairs}{', of those that were tried' if hint.doubtful else ''}"


def _listed(names: Names) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last

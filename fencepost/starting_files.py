"""The text of a new model and its properties: short, commented, and true as it stands."""

from __future__ import annotations

MODEL = '''"""A writer fills buffers and a reader reads them. Say here what your protocol is about.

Actors: writer, reader.
Abstracted: what the bytes are. Safe, because no decision depends on them.
"""

from enum import IntEnum

from fencepost import *


class Phase(IntEnum):
    EMPTY, WRITING, WRITTEN = range(3)


class @CLASS@(Model):
    """A reader must not read what is still being written."""

    # Sizes: `fencepost check --set buffers=3` gives this one another value for a run.
    buffers = Parameter(2)
    Buffer = Index(buffers)

    # A barrier is a switch for ONE piece of synchronisation; `buys` names what breaks without it.
    read_waits_for_write = Barrier(
        "the reader waits for the event that the writer records", buys=["reads_what_is_written"]
    )

    # The state: one cell for each buffer. Also: Var, Range, Maybe, SetOf.
    phase = Array(Buffer, of=Phase, initial=Phase.EMPTY)
    read = Array(Buffer, of=bool, initial=False)

    # What can happen. A step is atomic, and possible only where its `require` holds.
    @actor("writer")
    @action(buffer=Buffer)
    def begin_write(self, buffer):
        require(self.phase[buffer] == Phase.EMPTY)
        self.phase[buffer] = Phase.WRITING

    @actor("writer")
    @action(buffer=Buffer)
    def end_write(self, buffer):
        require(self.phase[buffer] == Phase.WRITING)
        self.phase[buffer] = Phase.WRITTEN

    @actor("reader")
    @action(buffer=Buffer)
    def read_buffer(self, buffer):
        require(self.phase[buffer] != Phase.EMPTY and not self.read[buffer])
        if self.read_waits_for_write:
            require(self.phase[buffer] == Phase.WRITTEN)
        self.read[buffer] = True

    # Where a run may end; anywhere else, a state without a possible step is a finding.
    @final
    def everything_is_read(self):
        return for_all(
            self.Buffer, lambda b: self.read[b] and self.phase[b] == Phase.WRITTEN
        )

    # Designs: which barriers are on, and the verdict you expect.
    without_waiting = Design(expect=violates("reads_what_is_written", steps=2))
    waiting = Design(read_waits_for_write, expect=holds)
'''

PROPERTIES = '''@always(@CLASS@)
def reads_what_is_written(m, buffer: @CLASS@.Buffer):
    """Whatever was read had been written to its end."""
    return not m.read[buffer] or m.phase[buffer] == Phase.WRITTEN


@reachable(@CLASS@)
def buffer_is_read(m, buffer: @CLASS@.Buffer):
    """Every buffer can get to be read, so the property above says something."""
    return m.read[buffer]
'''

PROPERTY_HEADER = '''"""What must hold of @CLASS@, and what must stay possible."""

from fencepost import *
from @MODULE@ import @CLASS@, Phase


'''


def model_text(class_name: str) -> str:
    """The model file of a project."""
    return MODEL.replace("@CLASS@", class_name)


def property_text(class_name: str, module: str) -> str:
    """The property file that goes with it."""
    return (PROPERTY_HEADER + PROPERTIES).replace("@CLASS@", class_name).replace("@MODULE@", module)


def whole_text(class_name: str) -> str:
    """One file with the model and its properties."""
    return f"{MODEL}\n\n{PROPERTIES}".replace("@CLASS@", class_name)

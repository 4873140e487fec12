"""What a packed state and a word of barriers have room for, and what is said beyond."""

import pytest

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import BOOL, Range
from fencepost.core.errors import InputError
from fencepost.core.results import Verdict
from fencepost.core.system import Action, Barrier, Design, Expectation, Field, Property, System
from fencepost.core.trees import Decide, Disabled, Update, Write
from fencepost.engines.explore import explore, explore_by_interpreter


def system_with(barriers: int, fields: tuple[Field, ...] = ()) -> System:
    """A flag that an action sets unless the last barrier is on."""
    flag = Field("flag", (), BOOL, ((0,),))
    last = x.BarrierOn(f"b{barriers - 1}") if barriers else x.FALSE
    tree = Decide(folding.negate(last), Update((Write("flag", (), x.TRUE),)), Disabled())
    return System(
        name="Wide",
        parameters=(),
        barriers=tuple(Barrier(f"b{n}", "", "edge", ()) for n in range(barriers)),
        fields=(flag, *fields),
        initial=x.TRUE,
        actions=(Action("set", "", (), tree),),
        properties=(
            Property("never", "always", (), folding.negate(x.Read("flag", (), BOOL)), x.FALSE),
        ),
        final=x.TRUE,
        designs=(
            Design("bare", frozenset(), Expectation()),
            Design("last", frozenset({f"b{barriers - 1}"}), Expectation()),
        ),
    )


@pytest.mark.parametrize("barriers", [1, 63, 64])
def test_the_last_barrier_of_a_full_word_counts(barriers):
    system = system_with(barriers)
    for design, expected in zip(system.designs, (Verdict.VIOLATED, Verdict.HOLDS), strict=True):
        answer = explore(system, design).answer
        assert answer == explore_by_interpreter(system, design).answer
        assert answer.findings[0].verdict is expected


def test_more_barriers_than_a_word_has_bits_are_refused():
    system = system_with(65)
    with pytest.raises(InputError, match="Wide has 65 barriers") as refused:
        explore(system, system.designs[0])
    assert refused.value.code == "F65"


def test_more_words_than_a_state_may_have_are_refused():
    wide = Field("wide", (Range(0, 80),), Range(0, (1 << 62) - 1), ((0,),) * 81)
    system = system_with(0, (wide,))
    with pytest.raises(InputError, match="a state of Wide takes 81 words") as refused:
        explore(system, system.designs[0])
    assert refused.value.code == "F67"


def test_a_cell_wider_than_a_word_is_refused():
    system = system_with(0, (Field("wide", (), Range(0, 1 << 64), ((0,),)),))
    with pytest.raises(InputError, match="a cell of wide takes 65 bits") as refused:
        explore(system, system.designs[0])
    assert refused.value.code == "F68"

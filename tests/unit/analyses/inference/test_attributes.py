"""What lemmas may say of a place in an order."""

from fencepost.analyses.inference.attributes import attributes
from fencepost.analyses.inference.harvest import asked_by
from fencepost.core.expressions import Variable
from fencepost.language import NONE, Array, Index, Maybe, Model, Parameter, action, build, require


class Queue(Model):
    requests = Parameter(2)
    Request = Index(requests, ordered=True)
    after = Array(Request, of=Maybe(Request))

    @action(request=Request, last=Request)
    def queue(self, request, last):
        require(last < request)
        require(self.after[request] == NONE or self.after[request] < last)
        self.after[request] = last


SYSTEM = build(Queue, (), any_size=True)
NOBODY, BEFORE, AT, BEHIND = (1 << n for n in range(4))


def test_that_a_place_is_this_one_is_two_lemmas():
    """Where few members were looked at, places are the same that larger sizes keep apart."""
    (sort,) = {index for declared in SYSTEM.fields for index in declared.indices}
    request, other = Variable("request", sort), Variable("other", sort)
    found = attributes(asked_by(SYSTEM), (request, other))
    places = [a for a in found if a.places]
    assert len(places) == 4  # of each of the two, beside each of them
    for place in places:
        assert place.parts(NOBODY | BEFORE | BEHIND) == (NOBODY | BEFORE, NOBODY | BEHIND)
        for mask in (BEFORE | AT, AT | BEHIND, NOBODY | BEHIND, BEFORE | AT | BEHIND):
            assert place.parts(mask) == (mask,)
    assert all(a.parts(0b101) == (0b101,) for a in found if not a.places and a.size > 2)

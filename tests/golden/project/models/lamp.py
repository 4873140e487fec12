"""A lamp: a model without designs, so all of its barriers are on."""

from fencepost import *


class Lamp(Model):
    """A lamp goes on and off."""

    on = Var(bool, initial=False)

    @action
    def press(self):
        if self.on:
            self.on = False
        else:
            self.on = True

    @action
    def smash(self):
        require(self.on and not self.on)


@reachable(Lamp)
def shines(m):
    """The lamp can be on."""
    return m.on

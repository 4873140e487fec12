"""Calls of torch that fencepost makes for itself, past modes, autograd and autocast."""

from __future__ import annotations

from typing import Any

import torch

_KEYS = torch._C.DispatchKey
_EXCLUDED = torch._C.DispatchKeySet(_KEYS.Python)
for _key in (
    _KEYS.PythonTLSSnapshot,
    _KEYS.AutogradCPU,
    _KEYS.AutogradOther,
    _KEYS.AutogradMeta,
    _KEYS.AutogradFunctionality,
    _KEYS.ADInplaceOrView,
    _KEYS.AutocastCPU,
):
    _EXCLUDED = _EXCLUDED | torch._C.DispatchKeySet(_key)


_depth = torch._C._len_torch_dispatch_stack
_pop = torch._C._pop_torch_dispatch_stack
_push = torch._C._push_on_torch_dispatch_stack
_Plain = torch._C.DisableTorchFunction
_Excluding = torch._C._ExcludeDispatchKeyGuard


class Quiet:
    """A context in which torch is plain CPU torch for the calling thread.

    In it a kernel may change tensors made in inference mode, whichever mode it was queued in.
    """

    __slots__ = ("_functions", "_keys", "_modes", "here")

    def __init__(self, here: Any) -> None:
        self.here = here

    def __enter__(self) -> None:
        self.here.busy += 1
        # Excluding the key of the modes does not keep operators from them; taking them away does.
        deep = _depth()
        self._modes = [_pop(None) for _ in range(deep)] if deep else None
        self._functions = _Plain()
        self._functions.__enter__()
        self._keys = _Excluding(_EXCLUDED)

    def __exit__(self, *_: object) -> None:
        del self._keys
        self._functions.__exit__(None, None, None)
        while self._modes:
            _push(self._modes.pop())
        here = self.here
        here.busy -= 1
        if not here.busy:
            here.site = None

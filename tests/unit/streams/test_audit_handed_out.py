"""What a program does with memory past torch: seen where it can be, and told of where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NoReturn

import pytest

START = """
import ctypes, io, multiprocessing, pickle
import numpy as np
import torch
load = torch.cuda.Stream()
x = torch.ones(8, device="cuda")
pinned = torch.zeros(8).pin_memory()
pageable = torch.zeros(8)
torch.cuda.synchronize()
"""
LINE = len(START.splitlines()) + 1
ORDERED_END = "\ntorch.cuda.synchronize()\n"

TOLD = {
    "numpy": ("made = pinned.numpy()", "numpy()"),
    "asarray": ("made = np.asarray(pinned)", "numpy()"),
    "address": ("ctypes.string_at(pinned.data_ptr(), 4)", "data_ptr()"),
    "address on the device": ("x.data_ptr()", "data_ptr()"),
    "storage": ("x.untyped_storage()[0]", "untyped_storage()"),
    "address of a storage": ("pinned.untyped_storage().data_ptr()", "untyped_storage()"),
    "storage before a copy": (
        "pageable.untyped_storage().data_ptr(); pageable.copy_(x, non_blocking=True)",
        "untyped_storage()",
    ),
    "typed storage": (
        "import warnings; warnings.simplefilter('ignore'); pinned.storage()",
        "storage()",
    ),
    "dlpack": ("np.from_dlpack(pinned)", "__dlpack__()"),
    "legacy dlpack": ("torch.to_dlpack(pinned)", "to_dlpack()"),
    "interface for other libraries": (
        "x.__cuda_array_interface__",
        "__cuda_array_interface__",
    ),
    "numpy before a copy": (
        "made = pageable.numpy(); pageable.copy_(x, non_blocking=True)",
        "numpy()",
    ),
    "from numpy": (
        "torch.from_numpy(np.zeros(8, np.float32)).copy_(x, non_blocking=True)",
        "whoever made it outside of torch",
    ),
    "registered": (
        "torch.cuda.cudart().cudaHostRegister(np.zeros(8).ctypes.data, 64, 0)",
        "whoever made it outside of torch",
    ),
}


@pytest.fixture
def audited(workshop):
    def audit(text: str, *options: str):
        workshop.write("program.py", text)
        return workshop.run("audit", *options, "program.py")

    return audit


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize("how", TOLD)
def test_memory_that_is_handed_out_is_told_of(audited, how):
    text, by = TOLD[how]
    ran = audited(START + text + ORDERED_END)
    assert ran.code == 0
    assert "everything that was seen and conflicts is ordered" in ran.err
    assert (
        f"was handed out at program.py:{LINE} by {by}; what is done through it is not seen"
        in ran.err
    )


@pytest.mark.parametrize(
    "text",
    [
        "x.untyped_storage().nbytes(), pinned.untyped_storage().size(), len(x.untyped_storage())",
        "x.untyped_storage().resize_(0), x.untyped_storage().resize_(32)",
        "x.device, x.is_cuda, x.sum().item(), x.tolist(), pinned.is_pinned(), print(x)",
        "pageable.numpy(); x.copy_(pageable)",
        "pageable.data_ptr(); torch.cuda.cudart().cudaHostRegister(pageable.data_ptr(), 32, 0)",
        "torch.save(x, io.BytesIO()); torch.save(pinned, io.BytesIO())",
        "torch.nn.Linear(8, 8).cuda()(x)",
    ],
)
def test_memory_that_stays_with_torch_is_not_told_of(audited, text):
    ran = audited(START + text + ORDERED_END)
    assert ran.code == 0
    assert "everything that conflicts is ordered" in ran.err


@pytest.mark.parametrize("save", ["torch.save({}, io.BytesIO())", "pickle.dumps({})"])
@pytest.mark.parametrize(
    ("tensor", "write"),
    [
        ("pinned", "pinned.copy_(x, non_blocking=True)"),
        ("pinned[:2]", "pinned[4:].copy_(x[4:], non_blocking=True)"),
        ("x", "x.fill_(2)"),
        ("x[:2]", "x[4:].fill_(2)"),
        ("torch.nn.Parameter(x)", "x.fill_(2)"),
    ],
)
def test_pickling_reads_the_whole_storage(audited, save, tensor, write):
    text = (
        f"{START}with torch.cuda.stream(load):\n    {write}\n{{}}{save.format(tensor)}{ORDERED_END}"
    )
    by = "by the host thread main" if "pinned" in tensor else "on the default stream"
    ran = audited(text.format(""))
    assert ran.code == 1
    assert f"pickle reads {by}, at program.py:{LINE + 2}" in ran.err
    assert audited(text.format("load.synchronize(); ")).code == 0


def test_a_tensor_of_the_device_for_another_process_is_refused(audited):
    program = START + "import torch.multiprocessing as mp\nmp.SimpleQueue().put(x)\n"
    ran = audited(program)
    assert ran.code == 2
    assert (
        f"program.py:{LINE + 1}: error F230: float32[8] of the device goes to another process"
        in ran.err
    )


@pytest.mark.parametrize(
    "put",
    [
        "q = multiprocessing.Queue(); q.put(x)",
        "q = multiprocessing.Queue(); q.put({'deep': [x]})",
        "q = multiprocessing.JoinableQueue(); q.put(x, True)",
        "import torch.multiprocessing as mp; q = mp.Queue(); q.put_nowait((x, 1))",
    ],
)
def test_a_tensor_on_a_buffered_queue_is_refused_where_it_was_put(audited, put):
    ran = audited(f"{START}{put}\nq.close(); q.join_thread()\n")
    assert ran.code == 2
    assert (
        f"program.py:{LINE}: error F230: float32[8] of the device goes to another process"
        in ran.err
    )


@pytest.mark.parametrize(
    "given",
    [
        "with context.Pool(1) as pool: pool.apply_async(len, (x,)).get()",
        "with context.Pool(1) as pool: pool.map(len, [x])",
        "with context.Pool(1) as pool: list(pool.imap_unordered(len, [x]))",
        "with futures.ProcessPoolExecutor(1, context) as pool: pool.submit(len, x).result()",
        "with futures.ProcessPoolExecutor(1, context) as pool: list(pool.map(len, [x]))",
    ],
)
def test_a_tensor_for_a_pool_is_refused_where_it_was_given(audited, given):
    ran = audited(
        f"{START}from concurrent import futures; context = multiprocessing.get_context('fork')\n"
        f"try:\n    {given}\nexcept Exception as error:\n    print(error.code)\n"
    )
    assert ran.out == "F230\n"
    assert ran.code == 2
    assert (
        f"program.py:{LINE + 2}: error F230: float32[8] of the device goes to another process"
        in ran.err
    )


def test_objects_on_buffered_queues_arrive(audited):
    ran = audited(
        START + "q = multiprocessing.Queue(1)\nq.put(7)\nprint(q.get())\n"
        "q.put(7)\ntry:\n    q.put(7, timeout=0.01)\nexcept Exception as error:\n"
        "    print(type(error).__name__)\nprint(q.get())\n"
    )
    assert (ran.code, ran.out) == (0, "7\nFull\n7\n")


@pytest.mark.parametrize("name", ["libcudart.so.12", "libcuda.so.1", "libnccl.so.2", "cudart.so"])
@pytest.mark.parametrize("load", ["ctypes.CDLL({!r})", "ctypes.cdll.LoadLibrary({!r})"])
def test_a_library_of_cuda_is_refused(audited, workshop, name, load):
    build(workshop.folder, name)
    ran = audited(START + load.format(f"./{name}"))
    assert ran.code == 2
    assert f"program.py:{LINE}: error F220: {name}, loaded by ctypes, is not supported" in ran.err


CFFI = "import _ctypes\ndef load_library(name, flags=0):\n    return _ctypes.dlopen(name, 2)\n"


def test_a_library_of_cuda_is_refused_to_cffi(audited, workshop, monkeypatch):
    """By the module that all of cffi's own loading goes through."""
    monkeypatch.delitem(sys.modules, "_cffi_backend", raising=False)
    build(workshop.folder, "libcudart.so.12")
    workshop.write("_cffi_backend.py", CFFI)
    workshop.write(
        "cffi/__init__.py",
        "import _cffi_backend\nload = lambda *a: _cffi_backend.load_library(*a)\n",
    )
    ran = audited(START + "import cffi; cffi.load('./libcudart.so.12', 2)")
    assert ran.code == 2
    assert f"program.py:{LINE}: error F220: libcudart.so.12, loaded by cffi, is not" in ran.err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what is loaded")
def test_a_library_of_cuda_that_comes_in_another_way_is_told_of(audited, workshop):
    build(workshop.folder, "libnvrtc.so.12")
    ran = audited(START + "import _ctypes; _ctypes.dlopen('./libnvrtc.so.12', 2)")
    assert ran.code == 0
    assert (
        "libnvrtc.so.12 was loaded by the program; what is launched through it is not seen"
        in ran.err
    )


def test_other_libraries_and_those_that_are_not_there_are_as_ever(audited, workshop):
    build(workshop.folder, "libcudamine.so")
    ran = audited(
        START + "ctypes.CDLL('./libcudamine.so'); ctypes.CDLL(None)\n"
        "try:\n    ctypes.CDLL('libcudart.so.999')\nexcept OSError:\n    print('not there')\n"
    )
    assert (ran.code, ran.out) == (0, "not there\n")


@pytest.mark.parametrize("call", ["torch.to_dlpack(x)", "x.__dlpack__()"])
def test_sharing_memory_of_the_device_is_refused(audited, call):
    ran = audited(START + call)
    assert ran.code == 2
    assert f"program.py:{LINE}: error F220" in ran.err


@pytest.mark.parametrize(
    ("ci", "raised"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_without_a_compiler_a_test_is_skipped_and_fails_on_ci(monkeypatch, ci, raised):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(raised, match="there is no compiler c"):
        compiler("c++")


LIBRARY = (
    "void add_one(float *values, int count) { for (int i = 0; i < count; i++) values[i] += 1; }"
)
EXTENSION = """
#include <torch/csrc/autograd/python_variable.h>

static PyObject *add_one(PyObject *, PyObject *given) {
  const at::Tensor &tensor = THPVariable_Unpack(given);
  float *values = static_cast<float *>(tensor.data_ptr());
  for (int64_t i = 0; i < tensor.numel(); i++) values[i] += 1;
  Py_RETURN_NONE;
}
static PyMethodDef functions[] = {{"add_one", add_one, METH_O, nullptr}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "rawkernels", nullptr, -1, functions};
PyMODINIT_FUNC PyInit_rawkernels() { return PyModule_Create(&module); }
"""


def compiler(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        left_out(f"there is no compiler {name}")
    return found


def left_out(why: str) -> NoReturn:
    """What a test needs is not there: it is skipped, and on CI it fails."""
    if os.environ.get("CI"):
        pytest.fail(f"{why}, and on CI there must be one", pytrace=False)
    pytest.skip(why)


def build(folder: Path, name: str) -> None:
    (folder / "kernels.c").write_text(LIBRARY)
    compile_ = [compiler("cc"), "-shared", "-fPIC", "kernels.c", "-o", name]
    subprocess.run(compile_, cwd=folder, check=True)


def test_a_library_that_gets_an_address_is_told_of(audited, workshop):
    build(workshop.folder, "kernels.so")
    ran = audited(
        START + "kernels = ctypes.CDLL('./kernels.so')\n"
        "kernels.add_one(ctypes.c_void_p(pinned.data_ptr()), 8)\nprint(pinned[0].item())\n"
    )
    assert ran.out == "1.0\n"
    assert f"handed out at program.py:{LINE + 1} by data_ptr()" in ran.err


@pytest.fixture(scope="module")
def extension(tmp_path_factory) -> Path:
    from torch.utils.cpp_extension import include_paths, library_paths

    folder = tmp_path_factory.mktemp("extension")
    (folder / "rawkernels.cpp").write_text(EXTENSION)
    made = "rawkernels" + sysconfig.get_config_var("EXT_SUFFIX")
    includes = [f"-I{path}" for path in (*include_paths(), sysconfig.get_path("include"))]
    libraries = [f"-L{path}" for path in library_paths()]
    compile_ = [compiler("c++"), "-O0", "-shared", "-fPIC", "-std=c++20", "rawkernels.cpp"]
    ran = subprocess.run(
        [*compile_, "-o", made, *includes, *libraries, "-ltorch_python", "-ltorch_cpu", "-lc10"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        left_out(f"there is no compiler that builds extensions: {ran.stderr[-300:]}")
    return folder


@pytest.fixture
def use_extension(audited, workshop, extension, monkeypatch):
    monkeypatch.syspath_prepend(str(extension))
    yield lambda text, *options: audited(f"{START}import rawkernels\n{text}", *options)
    sys.modules.pop("rawkernels", None)


@pytest.mark.slow
def test_an_extension_is_refused_on_the_device(use_extension):
    ran = use_extension("rawkernels.add_one(x)")
    assert ran.code == 2
    assert f"program.py:{LINE + 1}: error F221: the kernel rawkernels.add_one" in ran.err


@pytest.mark.slow
def test_an_extension_is_told_of_on_pinned_memory(use_extension):
    ran = use_extension(
        "rawkernels.add_one(pageable); rawkernels.add_one(pinned); print(pinned[0])"
    )
    assert ran.out == "tensor(1.)\n"
    assert ran.code == 0
    assert f"handed out at program.py:{LINE + 1} by rawkernels.add_one()" in ran.err


@pytest.mark.slow
def test_an_extension_with_an_emulation_is_a_kernel(use_extension, workshop):
    workshop.write(
        "adapter.py",
        "from fencepost.streams.shim import emulates\n"
        "@emulates('rawkernels.add_one', reads=['t'], writes=['t'])\n"
        "def add_one(t):\n    t += 1\n",
    )
    text = "with torch.cuda.stream(load):\n    rawkernels.add_one(x)\nx.sum()"
    ran = use_extension(text + ORDERED_END, "--adapter", "adapter.py")
    assert ran.code == 1
    assert "rawkernels.add_one writes on stream 1" in ran.err


@pytest.mark.slow
def test_an_extension_is_as_it_was_afterwards(use_extension):
    import torch

    use_extension("kept = rawkernels")
    import rawkernels

    given = torch.zeros(2)
    rawkernels.add_one(given)
    assert given.tolist() == [1, 1]
    assert not hasattr(rawkernels.add_one, "__wrapped__")

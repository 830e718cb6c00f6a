"""The fork server, which the one-shot command imports as its module ``sitecustomize``.

So it waits just where that command is about to read the program: a grandchild only has to return to behave as it would.

Standard library only: it runs in whatever Python runs the programs.
"""

import sys

_LOADED = set(sys.modules)  # what a program would find loaded

import contextlib  # noqa: E402
import ctypes  # noqa: E402
import fcntl  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402

_CAPSET = ctypes.CDLL(None).capset
_CAPABILITY_VERSION = 0x20080522
_SET_PIPE_SIZE = 1031


def _serve(requests: int, replies: int) -> bytes:
    """Fork for each request; only a grandchild returns, with its program."""
    os.write(replies, b"ready\n")
    while True:
        header = _line(requests)
        child = os.fork()
        if child:
            if os.waitpid(child, 0)[1]:
                os._exit(1)  # the next request would be read from the middle of this one
            continue
        text = _exactly(requests, int(header))
        if os.fork():
            os._exit(0)
        os.write(replies, b"%d\n" % os.getpid())
        os.close(requests)
        os.close(replies)
        return text


def _line(descriptor: int) -> bytes:
    """A line, and not a byte more: the rest is for a child to read."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(descriptor, 1) or os._exit(1)
    return line


def _exactly(descriptor: int, count: int) -> bytes:
    text = b""
    while len(text) < count:
        text += os.read(descriptor, count - len(text)) or os._exit(1)
    return text


def _feed(text: bytes, place: int) -> None:
    """Make the pipe that the program is read from, with all of it inside."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    if len(text) > 1 << 16:
        fcntl.fcntl(writing, _SET_PIPE_SIZE, len(text))
    if os.write(writing, text) < len(text):
        raise OSError("the program is too long")
    os.close(writing)
    os.dup2(reading, place)
    os.close(reading)


def _give_up_rights() -> None:
    header = _CAPABILITY_VERSION.to_bytes(4, sys.byteorder) + bytes(4)
    if _CAPSET(header, bytes(24)):
        raise OSError("rights stay")


def _main() -> None:
    here = os.environ.pop("PYTHONPATH")
    sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)
    sys.modules.pop(__name__)
    with contextlib.suppress(ImportError):
        __import__(__name__)  # the system's own, whose place we took
    loaded = _LOADED | {__name__} & set(sys.modules)
    place = int(os.environ.pop("FEED").rpartition("/")[2])
    requests = os.open(os.environ.pop("REQUESTS"), os.O_RDONLY)
    replies = os.open(os.environ.pop("REPLIES"), os.O_WRONLY)
    gc.collect()
    gc.freeze()  # for good: a child's collections would touch, and so copy, what it shares with us
    text = _serve(requests, replies)
    try:
        _feed(text, place)
        os.setsid()
        _give_up_rights()
        os.chdir(os.environ["HOME"])
    except BaseException:
        os.kill(os.getpid(), signal.SIGKILL)  # a death that says nothing about the program
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


_main()
if __name__ not in sys.modules:
    raise ImportError(name=__name__)  # as if there were none

"""Worker processes of a program."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import parent_process
from threading import Thread

#: Seconds between checks on a parent that did not use ``multiprocessing``.
_EVERY = 0.5


def end_with_program(pid: int | None = None) -> None:
    """Call this in a child process to make it exit when its parent does, even if the parent is killed.

    An orphan would go on working alongside the next call, or wait for work forever. ``pid`` is the parent's process id
    if it did not start this process by ``multiprocessing``; then the whole process group is killed.
    """
    program = parent_process()

    def watch() -> None:
        if pid is None:
            assert program is not None
            program.join()
            os._exit(1)
        while os.getppid() == pid:
            time.sleep(_EVERY)
        os.killpg(0, signal.SIGKILL)

    Thread(target=watch, daemon=True).start()

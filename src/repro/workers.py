"""Processes that work for a program."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import parent_process
from threading import Thread

#: Seconds between two looks at a program that ``multiprocessing`` does not know.
_EVERY = 0.5


def end_with_program(pid: int | None = None) -> None:
    """Called in a new process: it ends when the program ends that began it, even if that is killed.

    An orphan would go on working beside the next call, or wait for work without end. ``pid``: of a program that did not
    begin this process by ``multiprocessing``; then the process's whole group ends.
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

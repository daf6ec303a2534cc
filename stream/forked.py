"""Something done in a copy of this process, which has its memory as it is now.

`os.fork` copies page tables and no pages: milliseconds for a gigabyte. The system copies a page
when either side first writes to it.
"""

from __future__ import annotations

import gc
import os
import signal
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from numba.core import compiler_lock

BROKEN = 255  # exit status for what is no OSError; those exit with their errno


_compiling: Any = compiler_lock.global_compiler_lock  # it has no types


class Forked:
    """Starts `act` in a copy of this process. Nothing of what `act` changes in memory comes back.

    Other threads do not go along, and a lock that one of them holds at this moment will never be
    free in the copy. So `act` may compute and write to its file, and may not log, import, or use
    what has threads of its own. The one lock that computing may need, numba's, is held meanwhile:
    another thread that has it, because it compiles or loads what was compiled, is waited for.

    Parameters
    ----------
    act
        What to do.
    keep
        Number of the open file that it writes to. All others are closed in the copy, so that it
        holds no port and no connection open after this process is gone.

    Raises
    ------
    OSError
        If there is no memory for the copy's page tables, or no room for a process.
    """

    def __init__(self, act: Callable[[], None], keep: int) -> None:
        with warnings.catch_warnings():
            # Python 3.12 and later warn of what the paragraph above says.
            warnings.simplefilter("ignore", DeprecationWarning)
            with _compiling:
                pid = os.fork()
        if pid == 0:
            _go(act, keep)
        self._pid = pid

    def wait(self) -> None:
        """Return when it is done.

        Raises
        ------
        OSError
            If `act` raised one, or came to no good end.
        """
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            raise OSError(f"the process that wrote it was ended by signal {-code}")
        if code == BROKEN:
            raise OSError("the process that wrote it failed, as said above")
        if code:
            raise OSError(code, os.strerror(code))


def _go(act: Callable[[], None], keep: int) -> NoReturn:
    """Never comes back: what the process would do at its end (flush, close, say goodbye to the
    broker) is for the original to do.
    """
    code = BROKEN
    try:
        gc.disable()  # it would write to every page that holds objects, and close what is not ours
        for number in (signal.SIGTERM, signal.SIGINT):  # the original is told to stop, and waits
            signal.signal(number, signal.SIG_IGN)
        os.closerange(3, keep)
        os.closerange(max(3, keep + 1), os.sysconf("SC_OPEN_MAX"))
        act()
        code = 0
    except OSError as error:
        code = error.errno or BROKEN
    except BaseException:  # noqa: BLE001 - nobody is left to raise it to
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)

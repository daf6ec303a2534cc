"""The image's entry point: compiled code to where numba looks for it, then `streamgauge`.

numba keeps compiled code only in a folder that it may write to, and the root of a container is
read-only. So each file that the image brings is linked into a folder below /tmp, which takes
milliseconds and no memory; what numba still has to compile it keeps beside the links. numba goes by
the bytes of the sources and by the processor's name, which the image sets, so the links hold.
"""

import os
import shutil
import sys
from pathlib import Path

HOME = Path("/opt/streamgauge")


def link(brought: Path, used: Path) -> None:
    """Links in `used` to all files of `brought`, if it is not there: a restart may find it."""
    if used.exists():
        return
    try:
        shutil.copytree(brought, used, copy_function=os.symlink)
    except OSError as error:
        sys.exit(f"streamgauge: {error.filename}: {error.strerror}: mount a tmpfs at {used.parent}")


if __name__ == "__main__":
    link(HOME / "compiled", Path(os.environ["NUMBA_CACHE_DIR"]))
    os.execv(HOME / "bin" / "streamgauge", ["streamgauge", *sys.argv[1:]])  # noqa: S606 - it is us

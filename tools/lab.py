"""Open JupyterLab with every notebook ready: `make lab`. Options go to JupyterLab, such as `--no-browser --port 8899`.

First prints which photos the kernel will find, as notebooks show what is at hand.
"""

from __future__ import annotations

import os
import sys

from bookkit.project import Project, find_root
from repro.data import status

#: Bytes that a browser may send at once. Jupyter's own limit, a few megabytes, would cut it off at a large photo.
LARGEST_UPLOAD = 256 << 20


def main() -> None:
    """Print what is there, then become JupyterLab."""
    project = Project(find_root())
    for row in status():
        print(f"photos, {row.split}: {row.source or 'not at hand'}", file=sys.stderr)
    options = [
        f"--ServerApp.root_dir={project.root}",
        f"--LabApp.default_url=/lab/tree/notebooks/{project.notebooks()[0]}.ipynb",
        f"--ServerApp.tornado_settings={{'websocket_max_message_size': {LARGEST_UPLOAD}}}",
    ]
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options, *sys.argv[1:]])


if __name__ == "__main__":
    main()

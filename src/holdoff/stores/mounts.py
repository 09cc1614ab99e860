"""Which disk a path is on, as the kernel tells it."""

# pathlib takes 5 ms to import, and every command that runs behind Holdoff would wait for it.
# ruff: noqa: PTH118, PTH123

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

MOUNTS: Final = "/proc/self/mounts"
#: Their locks do not hold across machines: https://www.sqlite.org/wal.html, https://www.sqlite.org/faq.html#q5
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "9p"}
)


def mount_of(path: str | Path) -> tuple[str, str | None]:
    """Where the file system of a path is mounted, and its type; ``None`` where the kernel does not tell (not Linux)."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            lines = mounts.read().splitlines()
    except OSError:
        return "", None
    real = os.path.join(os.path.realpath(path), "")
    best, kind = "", None
    for line in lines:
        mount, found = line.split(" ")[1:3]
        if "\\" in mount:
            mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount)
        if real.startswith(os.path.join(mount, "")) and len(mount) >= len(best):
            best, kind = mount, found
    return best, kind

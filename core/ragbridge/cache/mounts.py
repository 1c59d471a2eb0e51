"""Which file systems are shared by machines, where SQLite's write-ahead log is not safe."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

MOUNTS = Path("/proc/self/mounts")
"""What is mounted, on Linux. Elsewhere nothing is known, and SQLite's own answer counts."""

NETWORK = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
        "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "pvfs2", "smb3", "smbfs", "virtiofs",
    }
)  # fmt: skip
"""Types whose files several machines may have open. Memory is not shared between them, and the log's index is memory:
https://sqlite.org/wal.html ("does not work over a network filesystem", 2026-11)."""


def network_file_system(path: str) -> str | None:
    """The type of the file system that ``path`` is on, if it is one for several machines."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    kind = _kind(path, lines)
    return kind if kind in NETWORK else None


def _kind(path: str, lines: list[str]) -> str | None:
    """The type of the innermost mount that holds ``path``; of two at one place the later one covers the other."""
    where, found = PurePosixPath(path), (-1, "")
    for line in lines:
        _, _, rest = line.partition(" ")
        place, _, rest = rest.partition(" ")
        kind, _, _ = rest.partition(" ")
        mounted = PurePosixPath(place.replace("\\040", " "))
        if where.is_relative_to(mounted) and len(mounted.parts) >= found[0]:
            found = len(mounted.parts), kind
    return found[1] or None

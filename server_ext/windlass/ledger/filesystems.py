"""Whether a folder lies on a network file system, where SQLite's write-ahead log must not be used.

The log needs shared memory between all who open the file; NFS, SMB and their like do not give it across machines.
"""

from __future__ import annotations

from pathlib import Path

NETWORK_TYPES = frozenset(
    {
        "9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "davfs", "efs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs",
        "fuse.goofys", "fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuseblk.s3fs", "glusterfs", "gpfs",
        "juicefs", "lustre", "ncpfs", "nfs", "nfs4", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "virtiofs", "webdav",
    }
)  # fmt: skip


def is_network_folder(folder: Path) -> bool:
    """Whether `folder` is on a network file system; True when that cannot be told, which is the safe answer."""
    import psutil

    try:
        mounts = [(Path(mount.mountpoint), mount.fstype.lower()) for mount in psutil.disk_partitions(all=True)]
    except OSError:
        return True
    folder = folder.resolve()
    holding = [(mountpoint, kind) for mountpoint, kind in mounts if folder.is_relative_to(mountpoint)]
    if not holding:
        return False
    # Of several mounts on one point the last in the list is on top.
    _, kind = max(enumerate(holding), key=lambda entry: (len(entry[1][0].parts), entry[0]))[1]
    return kind in NETWORK_TYPES

"""Selection of the files in a ZIP file, without system files and without a folder around all files."""

import io
import zipfile

ZIP_SIGNATURE = b"PK\x03\x04"
INCOMPLETE = "The file is incomplete: the end of the ZIP file is missing. Download or copy it again."
SYSTEM_FOLDERS = {"__MACOSX", ".git", ".ipynb_checkpoints"}
SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}


def is_system_file(path: str) -> bool:
    """Check whether a file was added by the operating system and not by the user.

    Args:
        path: path within the ZIP file, with "/" between folders.

    Returns:
        Whether the file can be skipped.

    Example:
        >>> [is_system_file(path) for path in ("__MACOSX/7/._a.png", "7/.DS_Store", "7/a.png")]
        [True, True, False]
    """
    *folders, name = path.split("/")
    return name in SYSTEM_FILES or name.startswith("._") or not SYSTEM_FOLDERS.isdisjoint(folders)


def is_incomplete(content: bytes) -> bool:
    """Check whether a file begins like a ZIP file, but has no directory at its end, as after an interrupted download.

    Args:
        content: content of the file.

    Returns:
        Whether the end of the ZIP file is missing.

    Example:
        >>> is_incomplete(ZIP_SIGNATURE), is_incomplete(b"text")
        (True, False)
    """
    return content.startswith(ZIP_SIGNATURE) and not zipfile.is_zipfile(io.BytesIO(content))


def user_files(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive without the files of the operating system.

    Args:
        archive: an opened archive.

    Returns:
        Path → member, in the order of the archive. Folders are separated by "/".

    Example:
        >>> import io
        >>> with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        ...     for name in ("lab/a.json", "lab/.DS_Store", "__MACOSX/lab/._a.json"):
        ...         archive.writestr(name, "")
        ...     list(user_files(archive))
        ['lab/a.json']
    """
    named = {member.filename.replace("\\", "/"): member for member in archive.infolist() if not member.is_dir()}
    return {path: member for path, member in named.items() if not path.endswith("/") and not is_system_file(path)}


def without_top_folder(files: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Remove a folder that contains all files. Archives often have such a folder after they were repacked.

    Args:
        files: path → member, as `user_files` returns them.

    Returns:
        Path without the folder → member.

    Example:
        >>> files = dict.fromkeys(["lab/a.json", "lab/models/b"], zipfile.ZipInfo())
        >>> list(without_top_folder(files))
        ['a.json', 'models/b']
    """
    while files and len({path.partition("/")[0] for path in files}) == 1 and all("/" in path for path in files):
        files = {path.partition("/")[2]: member for path, member in files.items()}
    return files

"""Isolation of a process by the operating system: no foreign files, no network and no other processes.

`python -m digitcore.isolation FOLDER MODULE [ARGUMENT ...]` isolates itself, then runs a module. Linux offers two means, which
need no privileges and cannot be lifted by the process. Landlock permits the files that Python needs for reading, and one folder
for writing. A seccomp filter rejects system calls.

The system calls are made with ctypes, because the bindings on the package index are development versions or need a library in C.
Sources: landlock(7), seccomp(2), and the pages "Landlock: unprivileged access control" and "Seccomp BPF" of the Linux kernel.
"""

import ctypes
import errno
import os
import platform
import runpy
import struct
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/sys/devices/system")
SYSTEM_FILES = (
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime", "/etc/timezone"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems"),
    *("/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/osrelease", "/dev/urandom", "/dev/random", "/dev/zero"),
)
# Only these variables reach the process, because others contain secrets, such as the address of a database with its password.
VARIABLES = ("PATH", "HOME", "LANG", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TZ")
VARIABLE_PREFIXES = ("PYTHON", "LC_", "DYLD_", "TF_", "KERAS_", "OMP_", "OPENBLAS_", "MKL_")

_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # numbers of system calls, the same on all architectures
_CREATE_RULESET_VERSION, _RULE_PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FILE_RIGHTS = ((1, (1 << 13) - 1), (2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))  # (version of Landlock that adds them, rights)
_TCP_RIGHTS, _TCP_VERSION = 3, 4  # bind and connect
_SCOPES, _SCOPES_VERSION = 3, 6  # abstract sockets and signals
_READ = _READ_FILE | _READ_DIR
# No symbolic links: the server, which is not isolated, would read and write the files behind them.
_WRITE = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_ONLY_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

_LOAD, _EQUAL, _GREATER_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # instructions of classic BPF
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in seccomp_data; the lower half of a 64-bit argument
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_SET_MODE_FILTER, _GET_ACTION_AVAIL, _ALL_THREADS = 1, 2, 1
_CLONE_THREAD = 0x10000
_X32_BIT = 0x40000000  # numbers of a second set of system calls on x86-64
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # name → (audit number, column of the tables below)
_SECCOMP = (317, 277)
_DENIED = {  # name → numbers on x86-64 and aarch64; None: there is no such system call
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_OF_THIS_PROCESS = (  # their first argument is a process
    *((62, 129), (234, 131), (302, 261)),  # kill, tgkill, prlimit64
    *((142, 118), (144, 119), (203, 122), (314, 274)),  # sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr
)

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def missing() -> list[str]:
    """Return the means of isolation that this operating system does not offer.

    Returns:
        Names of the missing means. The result is empty if a process can be isolated completely.

    Example:
        >>> set(missing()) <= {"Landlock", "seccomp"}
        True
    """
    means = {"Landlock": landlock_version() > 0, "seccomp": _has_seccomp()}
    return [name for name, is_offered in means.items() if not is_offered]


def landlock_version() -> int:
    """Return the version of Landlock's interface, or 0 if the kernel does not offer Landlock.

    Example:
        >>> landlock_version() >= 0
        True
    """
    return 0 if _libc is None else max(0, _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION))


def _has_seccomp() -> bool:
    if _libc is None or platform.machine() not in _ARCHITECTURES:
        return False
    action = ctypes.c_uint32(_ERRNO)
    return bool(_libc.syscall(_SECCOMP[_column()], _GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0)


def _column() -> int:
    return _ARCHITECTURES[platform.machine()][1]


def command(folder: Path, module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in an isolated process.

    Args:
        folder: The only folder to which the process may write.
        module: Name of the module, which is run as `__main__`.
        arguments: Arguments of the module.

    Returns:
        The command.

    Example:
        >>> command(Path("/tmp/x"), "digitcore.models.sandbox", "/tmp/x")[1:4]
        ['-m', 'digitcore.isolation', '/tmp/x']
    """
    return [sys.executable, "-m", "digitcore.isolation", str(folder), module, *arguments]


def environment(folder: Path) -> dict[str, str]:
    """Return the environment variables of an isolated process. Secrets of the server are not among them.

    Args:
        folder: The only folder to which the process may write.

    Returns:
        Value of each variable.

    Example:
        >>> environment(Path("/tmp/x"))["TMPDIR"]
        '/tmp/x'
    """
    kept = {name: value for name, value in os.environ.items() if name in VARIABLES or name.startswith(VARIABLE_PREFIXES)}
    return kept | {"TMPDIR": str(folder), "KERAS_HOME": str(folder / "keras"), "CUDA_VISIBLE_DEVICES": "-1"}


def restrict(folder: Path) -> None:
    """Isolate this process as far as the operating system can. The process cannot lift the isolation.

    Args:
        folder: The only folder to which the process may write.

    Raises:
        RuntimeError: If other threads run, because Landlock would not restrict them.
        OSError: If the kernel offers a means of isolation, but rejects it.

    Example:
        >>> restrict(Path("/tmp/x"))  # doctest: +SKIP
    """
    if _libc is None:
        return
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("A process must be isolated before it starts threads.")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if version := landlock_version():
        _restrict_files(version, folder)
    if _has_seccomp():
        _restrict_system_calls()


def _check(result: int) -> int:
    """Return the result of a system call, or raise an error if it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def readable_paths() -> list[str]:
    """Return the files and folders that Python and its packages need.

    The folder around this package is not among them, because it may contain a database or secrets.

    Example:
        >>> str(PACKAGE) in readable_paths()
        True
    """
    hidden = {str(PACKAGE.parent), os.getcwd(), ""}
    libraries = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
    packages = [path for path in sys.path if path not in hidden and os.path.realpath(path) not in hidden]
    return [*SYSTEM_FOLDERS, *SYSTEM_FILES, sys.prefix, sys.base_prefix, *libraries, *packages, str(PACKAGE)]


def _restrict_files(version: int, folder: Path) -> None:
    assert _libc is not None
    handled = sum(rights for since, rights in _FILE_RIGHTS if version >= since)
    tcp = _TCP_RIGHTS if version >= _TCP_VERSION else 0
    scopes = _SCOPES if version >= _SCOPES_VERSION else 0
    attributes = struct.pack("QQQ", handled, tcp, scopes)
    rules = _check(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    permitted = dict.fromkeys(readable_paths(), _READ) | {"/dev/null": _READ | _WRITE_FILE, str(folder): _READ | _WRITE}
    for path, rights in permitted.items():
        _permit(rules, path, rights & handled)
    _check(_libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)


def _permit(rules: int, path: str, rights: int) -> None:
    """Add a rule for a file, or for a folder with its content. A missing path needs no rule."""
    assert _libc is not None
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _ONLY_FILES
    _check(_libc.syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, place), 0))
    os.close(place)


def _restrict_system_calls() -> None:
    assert _libc is not None
    program = b"".join(_filter(os.getpid()))
    content = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(content))
    _check(_libc.syscall(_SECCOMP[_column()], _SET_MODE_FILTER, _ALL_THREADS, header))


def _filter(process: int) -> list[bytes]:
    """Return the instructions of a filter that rejects system calls. A jump counts the instructions that it skips."""
    architecture, column = _ARCHITECTURES[platform.machine()]
    deny = _instruction(_RETURN, _ERRNO | errno.EPERM)
    allow = _instruction(_RETURN, _ALLOW)
    program = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, architecture, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_GREATER_EQUAL, _X32_BIT, 0, 1),
        deny,
        _instruction(_EQUAL, _CLONE3[column], 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),  # The C library then calls `clone`, whose flags can be checked.
        _instruction(_EQUAL, _CLONE[column], 0, 4),
        _instruction(_LOAD, _FIRST_ARGUMENT),
        _instruction(_ANY_BIT, _CLONE_THREAD, 0, 1),
        allow,
        deny,
    ]
    for numbers in _OF_THIS_PROCESS:
        program += [
            _instruction(_EQUAL, numbers[column], 0, 5),
            _instruction(_LOAD, _FIRST_ARGUMENT),
            _instruction(_EQUAL, process, 1, 0),
            _instruction(_EQUAL, 0, 0, 1),  # The own process, or for `kill` the own group
            allow,
            deny,
        ]
    for denied in _DENIED.values():
        if denied[column] is not None:
            program += [_instruction(_EQUAL, denied[column], 0, 1), deny]
    return [*program, allow]


def _instruction(code: int, value: int | None, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def main() -> None:
    """Isolate this process, then run the module of the command line.

    Example:
        >>> main()  # doctest: +SKIP
    """
    folder, module, *arguments = sys.argv[1:]
    restrict(Path(folder))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

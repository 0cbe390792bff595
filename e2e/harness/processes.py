"""Child processes that never outlive the story that started them."""

import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)

# Each is given once.
PORTS = iter(random.SystemRandom().sample(range(12_000, 32_000), 1_000))

# Signet, and every tool beside it, sees only what a story gives it.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


def environment(**extra):
    """The environment of a child: no proxies, no settings of the developer's own."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, **{name: str(value) for name, value in extra.items() if value is not None}}


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port(*hosts):
    """A port that nobody listens on now, over UDP and TCP at each of `hosts`.

    Below those that Linux gives to clients: none of them has it when it is wanted.
    """
    for port in PORTS:
        if all(is_free(host, port) for host in hosts or ("127.0.0.1",)):
            return port
    raise OSError("no port is free at all of " + ", ".join(hosts))


def is_free(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def tool(name):
    """A program's path; the ones that Debian keeps for administrators too."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise FileNotFoundError(f"{name} is not installed; `cargo xtask e2e` says which packages are needed")
    return found


class Processes:
    """Starts processes, each with a log file, and ends them all at exit."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="signet-e2e-"))
        # Servers that drop root must reach their own folders below.
        self.folder.chmod(0o755)
        self.running = []
        self.logs = {}

    def start(self, name, argv, env=None, cwd=None, stdout=None, **options):
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=stdout or out,
                stderr=out,
                env=environment() if env is None else env,
                cwd=cwd or self.folder,
                preexec_fn=die_with_parent,
                **options,
            )
        self.running.append(process)
        self.logs[name] = log
        return process

    def end(self, process, how=signal.SIGTERM, seconds=60):
        """Ends one, by force if it takes too long; its exit status."""
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.running:
            self.running.remove(process)
        return process.returncode

    def log(self, name):
        return self.logs[name].read_text(errors="replace") if name in self.logs else ""

    def show_logs(self, lines=40):
        for name, log in self.logs.items():
            tail = log.read_text(errors="replace").splitlines()[-lines:]
            print(f"--- last lines of {name}'s log", *tail, sep="\n", flush=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None and issubclass(kind, Exception):
            self.show_logs()
        for process in reversed(self.running[:]):
            self.end(process)
        shutil.rmtree(self.folder, ignore_errors=True)


def run(argv, env=None, seconds=180, cwd=None, check=True):
    """Runs a program to its end; its completed process."""
    done = subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment() if env is None else env,
        timeout=seconds,
        cwd=cwd,
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{argv} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done

"""A PostgreSQL cluster that lives as long as a story."""

import os
import pathlib
import pwd
import signal
import time

from .processes import environment, free_port, run, tool


def programs():
    """The folder of the newest server's programs."""
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if folders:
        return folders[-1]
    return pathlib.Path(tool("initdb")).resolve().parent


class Cluster:
    def __init__(self, processes):
        self.processes = processes
        self.folder = processes.folder / "postgres"
        self.folder.mkdir()
        self.port = free_port()
        # The server refuses to run as root.
        self.who = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        data = self.folder / "data"
        bin_folder = programs()
        initdb = processes.start(
            "initdb",
            [bin_folder / "initdb", "-D", data, "-U", "signet", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            cwd=self.folder,
            **self.who,
        )
        if initdb.wait(60) != 0:
            raise RuntimeError(f"initdb failed\n{processes.log('initdb')}")
        processes.running.remove(initdb)
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            # Nobody cuts this server's power; a commit is kept once it is acknowledged.
            "fsync": "off",
            "log_checkpoints": "off",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.server = processes.start("postgres", [bin_folder / "postgres", "-D", data, *words], cwd=self.folder, **self.who)
        self.psql = tool("psql")
        deadline = time.monotonic() + 180
        while self._psql("postgres", "SELECT 1", check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start\n{processes.log('postgres')}")
            time.sleep(0.1)

    def create(self, database):
        """A new database's URL."""
        self._psql("postgres", f"CREATE DATABASE {database}")
        return f"postgres://signet@127.0.0.1:{self.port}/{database}"

    def rows(self, database, query):
        out = self._psql(database, query).stdout
        return [line.split("|") for line in out.splitlines() if line]

    def stop(self):
        self.processes.end(self.server, signal.SIGINT, 30)

    def _psql(self, database, query, check=True):
        words = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", "signet"]
        return run([self.psql, *words, "-d", database, "-c", query], environment(), check=check)

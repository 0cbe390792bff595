"""Signet under test: the real binary, asked over HTTP."""

import http.client
import json
import os
import pathlib
import selectors
import signal
import ssl
import subprocess
import time
import urllib.parse

from .processes import environment, run

# Nothing listens there: a story that is not about DNS asks nobody.
NO_RESOLVER = "127.0.0.1:1"


def binary():
    """The program under test."""
    path = os.environ.get("SIGNET_BINARY")
    if path:
        return pathlib.Path(path).resolve()
    root = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target")).resolve() / "debug" / "signet"


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Api:
    """A keep-alive connection with a token. Not for several threads."""

    def __init__(self, url, token, cafile=None, seconds=180):
        self.url = urllib.parse.urlsplit(url)
        self.token = token
        self.tls = ssl.create_default_context(cafile=cafile) if self.url.scheme == "https" else None
        self.seconds = seconds
        self.connection = None

    def call(self, method, path, body=None, headers=None):
        if self.connection is None:
            kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
            options = {"context": self.tls} if self.tls else {}
            self.connection = kind(self.url.hostname, self.url.port, timeout=self.seconds, **options)
        sent = {"Api-Token": self.token, "Accept": "application/json", **(headers or {})}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        try:
            self.connection.request(method, path, content, sent)
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            self.connection.close()
            self.connection = None
            raise

    def get(self, path):
        answer = self.call("GET", path)
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer!r}")
        return answer.json

    def create(self, name):
        answer = self.call("POST", "/api/domains", {"domain": {"domain_name": name}})
        if answer.status != 200:
            raise RuntimeError(f"creating {name}: {answer!r}")
        return answer.json

    def check(self, domain, tries=5):
        """The domain after a look that began now."""
        for _ in range(tries):
            answer = self.call("POST", f"/api/domains/{domain}/check?wait=60")
            # One that says it is still looking is on a slow machine.
            if answer.status == 200 and not answer.headers.get("Signet-Check"):
                return answer.json
        raise RuntimeError(f"checking {domain}: {answer!r} {answer.headers.get('Signet-Check')}")

    def sees(self, domain):
        """What a look that began now says of each record."""
        return {record["key"]: record["status"] for record in self.check(domain)["dns_records"]}

    def report(self, domain):
        """The last look's verdicts, by key."""
        return {verdict["key"]: verdict for verdict in self.get(f"/api/domains/{domain}/report")["data"]}

    def events(self, domain):
        """The whole history, newest first."""
        found, before = [], ""
        while True:
            page = self.get(f"/api/domains/{domain}/events?limit=100{before}")["data"]
            found.extend(page)
            if len(page) < 100:
                return found
            before = f"&before={page[-1]['id']}"

    def domains(self):
        """All domains, page by page."""
        found, after = [], ""
        while True:
            page = self.get(f"/api/domains?limit=100{after}")["data"]
            found.extend(page)
            if len(page) < 100:
                return found
            after = f"&after={page[-1]['id']}"


class Signet:
    """A server with a folder of its own, started as often as the story wants."""

    def __init__(self, processes, name="signet", **settings):
        self.processes = processes
        self.name = name
        self.folder = processes.folder / name
        self.folder.mkdir(exist_ok=True)
        self.settings = {
            "listen": "127.0.0.1:0",
            "database_url": f"sqlite:{self.folder / 'signet.db'}",
            "key_file": self.folder / "signet.key",
            "mail_dir": self.folder / "outbox",
            "dns_resolvers": NO_RESOLVER,
            "rate_limit": 0,
            "dns_rate_limit": 0,
            "unverified_limit": 0,
            "log": "info,signet::http::edge=warn,hickory_server=warn",
            "log_format": "json",
            **settings,
        }
        self.process = None
        self.token = None
        self.account = None
        self.url = None
        self.dns = None
        self.policy = None
        self.more_environment = {}

    def environment(self):
        settings = {f"SIGNET_{key.upper()}": value for key, value in self.settings.items()}
        return environment(**settings, **self.more_environment)

    def launch(self):
        """Starts it without waiting until it is ready."""
        self.process = self.processes.start(
            self.name, [binary(), "serve", "--json"], self.environment(), self.folder, stdout=subprocess.PIPE
        )

    def start(self, seconds=180):
        self.launch()
        first = json.loads(self._first_line(seconds))
        self.url, self.dns, self.policy = first["listening"], first["dns"], first["policy"]
        if first["token"]:
            self.token, self.account = first["token"], first["account"]
        return self

    def _first_line(self, seconds):
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = b""
            while not line.endswith(b"\n"):
                if not selector.select(max(0, deadline - time.monotonic())):
                    raise RuntimeError(f"{self.name} does not start within {seconds} s")
                byte = os.read(self.process.stdout.fileno(), 1)
                if not byte:
                    self.process.wait()
                    raise RuntimeError(f"{self.name} ended with {self.process.returncode} while starting")
                line += byte
        return line

    def api(self, cafile=None):
        return Api(self.url, self.token, cafile)

    def stop(self):
        """As a service manager would; its exit status."""
        return self.processes.end(self.process, signal.SIGTERM, 120)

    def kill(self):
        """As a power cut would."""
        self.processes.end(self.process, signal.SIGKILL)

    def command(self, *words, check=True, seconds=300):
        """Another command of the same program, with the same settings."""
        return run([binary(), *words], self.environment(), seconds, self.folder, check)

"""Real name servers on loopback: NSD, BIND and Knot for the zones, Unbound as the resolver."""

import base64
import secrets
import signal
import socket
import struct
import time

from .processes import free_port, run, tool

# A whole Internet, small: the root, one top-level domain, a customer, us.
ROOT = """\
$ORIGIN .
$TTL 5
. SOA a.root.test. hostmaster.test. 1 300 60 86400 1
. NS a.root.test.
test. NS ns.nic.test.
a.root.test. A 127.0.0.6
ns.nic.test. A 127.0.0.6
"""


def answers(host, port, name="test."):
    """Whether a server there answers at all: a hand-made SOA question."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    packet = struct.pack("!6H", 0x5157, 0x0100, 1, 0, 0, 0) + question + b"\0" + struct.pack("!2H", 6, 1)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        try:
            udp.sendto(packet, (host, port))
            return udp.recv(512)[:2] == packet[:2]
        except OSError:
            return False


def wait_for(host, port, process, seconds=180):
    deadline = time.monotonic() + seconds
    while not answers(host, port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no name server answers at {host}:{port}")
        time.sleep(0.05)


class Server:
    """One authoritative server at `hosts` (one or several) and `port`, with its zones as texts."""

    def __init__(self, processes, name, hosts, port, zones):
        self.processes, self.name, self.port = processes, name, port
        self.hosts = [hosts] if isinstance(hosts, str) else hosts
        self.host = self.hosts[0]
        self.folder = processes.folder / name
        self.folder.mkdir()
        self.zones = {}
        self.process = None
        for zone, text in zones.items():
            self._write(zone, text)
        self.config = self.folder / f"{name}.conf"
        self.config.write_text("\n".join(self._config()) + "\n")

    def start(self):
        self.process = self.processes.start(self.name, self._command(), cwd=self.folder)
        for host in self.hosts:
            wait_for(host, self.port, self.process)
        return self

    def stop(self):
        self.processes.end(self.process, signal.SIGTERM)

    def forget(self):
        """Takes the files of all zones away: it is to serve them and cannot."""
        for zone in self.zones:
            self._file(zone).unlink()

    def _file(self, zone):
        return self.folder / f"{zone.strip('.') or 'root'}.zone"

    def _write(self, zone, text):
        self.zones[zone] = text
        self._file(zone).write_text(text)


class Nsd(Server):
    def __init__(self, processes, name, hosts, port, zones, minimal=False):
        """With `minimal` it says nothing but what it is asked for."""
        self.minimal = minimal
        super().__init__(processes, name, hosts, port, zones)
        run([tool("nsd-checkconf"), self.config])

    def _config(self):
        parts = [
            "server:",
            *(f"  ip-address: {host}@{self.port}" for host in self.hosts),
            '  server-count: 1\n  username: ""\n  chroot: ""',
            f'  zonesdir: "{self.folder}"\n  database: ""\n  pidfile: "{self.folder}/nsd.pid"',
            f'  zonelistfile: "{self.folder}/zone.list"\n  xfrdfile: "{self.folder}/xfrd.state"',
            f'  xfrdir: "{self.folder}"\n  zonefiles-check: yes\n  zonefiles-write: 0\n  verbosity: 2',
            # Every question here comes from one address.
            "  rrl-ratelimit: 0\n  hide-version: no",
            f"  minimal-responses: {'yes' if self.minimal else 'no'}",
            "remote-control:\n  control-enable: no",
        ]
        return parts + [f'zone:\n  name: "{zone}"\n  zonefile: "{self._file(zone).name}"' for zone in self.zones]

    def _command(self):
        return [tool("nsd"), "-d", "-c", self.config]

    def publish(self, zone, text):
        """Replaces a zone and waits until it is served."""
        self._write(zone, text)
        # An outside zone's serial may be anything; ours stand in the SOA line.
        soa = next(line for line in text.splitlines() if " SOA " in line or "\tSOA\t" in line)
        serial = next(int(word) for word in soa.replace("(", " ").split("SOA")[1].split() if word.isdigit())
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 180
        while self._served(zone) != serial:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not serve {zone} with serial {serial}")
            time.sleep(0.05)

    def _served(self, zone):
        words = [f"@{self.host}", "-p", self.port, "+short", "+tries=1", "+time=1", "+norec", zone, "SOA"]
        fields = run([tool("dig"), *words], check=False).stdout.split()
        return int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else None

    def _write(self, zone, text):
        super()._write(zone, text)
        done = run([tool("nsd-checkzone"), zone, self._file(zone)], check=False)
        if done.returncode != 0 or "warning" in (done.stdout + done.stderr).lower():
            raise RuntimeError(f"NSD does not like {zone}:\n{done.stdout}{done.stderr}\n{text}")


class Bind(Server):
    """Listens only at addresses that an interface has."""

    def _config(self):
        v4 = "; ".join(host for host in self.hosts if ":" not in host)
        v6 = "; ".join(host for host in self.hosts if ":" in host)
        parts = [
            "options {",
            f'  directory "{self.folder}"; pid-file none; session-keyfile none; managed-keys-directory "{self.folder}";',
            f"  listen-on port {self.port} {{ {v4 or 'none'}; }}; listen-on-v6 port {self.port} {{ {v6 or 'none'}; }};",
            "  recursion no; dnssec-validation no; notify no; allow-transfer { none; }; minimal-responses yes;",
            # Mistakes in zones are what this is about.
            "  check-names primary ignore; check-mx ignore; check-integrity no; check-spf ignore; check-sibling no;",
            "};",
            "controls { };",
        ]
        for zone in self.zones:
            parts.append(f'zone "{zone}" {{ type primary; file "{self._file(zone).name}"; }};')
        return parts

    def _command(self):
        run([tool("named-checkconf"), self.config])
        return [tool("named"), "-f", "-n", "1", "-c", self.config]


def secret():
    """A new one for a key of DNS UPDATE's."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Updatable(Bind):
    """A BIND with one zone that takes updates and gives the whole zone to this machine.

    Of `keys` (name, algorithm, secret) it knows all; the first may write.
    """

    def __init__(self, processes, name, hosts, port, zones, keys):
        self.keys = keys
        (self.zone,) = (zone.rstrip(".") for zone in zones)
        super().__init__(processes, name, hosts, port, zones)

    def _config(self):
        keys = [f'key "{name}" {{ algorithm {algorithm}; secret "{text}"; }};' for name, algorithm, text in self.keys]
        rest = "\n".join(super()._config())
        rest = rest.replace("allow-transfer { none; }", "allow-transfer { 127.0.0.0/8; }")
        return keys + [rest.replace("type primary;", f'type primary; allow-update {{ key "{self.keys[0][0]}"; }};')]

    def lines(self):
        """The whole zone as sorted lines, without its serial."""
        words = [f"@{self.host}", "-p", self.port, "+noall", "+answer", self.zone, "AXFR"]
        lines = run([tool("dig"), *words]).stdout.splitlines()
        found = [" ".join(line.split()) for line in lines if line and not line.startswith(";")]
        return sorted(line for line in found if " SOA " not in line)

    def edit(self, *commands):
        """What the zone's owner does with a tool of their own."""
        name, algorithm, text = self.keys[0]
        script = self.folder / "edit"
        body = [f"server {self.host} {self.port}", f"zone {self.zone}", *commands, "send"]
        script.write_text("\n".join(body) + "\n")
        run([tool("nsupdate"), "-y", f"{algorithm}:{name}:{text}", script])


class Knot(Server):
    def _config(self):
        parts = [
            "server:",
            f'  rundir: "{self.folder}"',
            f"  listen: [{', '.join(f'{host}@{self.port}' for host in self.hosts)}]",
            "  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1",
            f'database:\n  storage: "{self.folder}"',
            "log:\n  - target: stderr\n    any: warning",
            f'template:\n  - id: default\n    storage: "{self.folder}"',
            "    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n    semantic-checks: off",
            "zone:",
        ]
        return parts + [f'  - domain: "{zone}"\n    file: "{self._file(zone).name}"' for zone in self.zones]

    def _command(self):
        return [tool("knotd"), "-c", self.config]


class Unbound:
    """A resolver that knows the zones of `stubs` ({zone: [(host, port)]}) and nothing else."""

    def __init__(self, processes, stubs, name="unbound", port=None, anchors=(), insecure=()):
        """With `anchors` it validates, but for the zones that are `insecure`."""
        self.processes = processes
        self.port = port or free_port()
        folder = processes.folder / name
        folder.mkdir()
        modules = "validator iterator" if anchors else "iterator"
        parts = [
            "server:",
            f'  interface: 127.0.0.1@{self.port}\n  username: ""\n  chroot: ""\n  directory: "{folder}"',
            '  pidfile: ""\n  use-syslog: no\n  logfile: ""\n  verbosity: 1\n  do-daemonize: no',
            f'  do-not-query-localhost: no\n  module-config: "{modules}"\n  num-threads: 1\n  ede: yes',
            *(f'  trust-anchor: "{anchor}"' for anchor in anchors),
            *(f'  domain-insecure: "{zone}"' for zone in insecure),
            # `test.` is ours for once (RFC 6761).
            "  local-zone: test. nodefault\n  local-zone: 127.in-addr.arpa. nodefault",
            "  access-control: 127.0.0.0/8 allow",
            # What was true a moment ago must not make the story wait.
            "  cache-max-ttl: 1\n  cache-max-negative-ttl: 1\n  infra-host-ttl: 1\n  infra-cache-min-rtt: 50",
            "  hide-identity: yes",
            "remote-control:\n  control-enable: no",
        ]
        for zone, addresses in stubs.items():
            parts.append(f'stub-zone:\n  name: "{zone}"\n  stub-prime: no')
            parts += [f"  stub-addr: {host}@{port}" for host, port in addresses]
        config = folder / "unbound.conf"
        config.write_text("\n".join(parts) + "\n")
        run([tool("unbound-checkconf"), config])
        self.process = processes.start(name, [tool("unbound"), "-d", "-c", config], cwd=folder)
        wait_for("127.0.0.1", self.port, self.process)

    def stop(self):
        self.processes.end(self.process, signal.SIGTERM)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

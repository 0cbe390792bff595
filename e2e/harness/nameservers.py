"""Real name servers on loopback: NSD for the zones, Unbound as the resolver."""

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
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        try:
            udp.sendto(packet, (host, port))
            return udp.recv(512)[:2] == packet[:2]
        except OSError:
            return False


def wait_for(host, port, process, seconds=15):
    deadline = time.monotonic() + seconds
    while not answers(host, port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no name server answers at {host}:{port}")
        time.sleep(0.05)


class Nsd:
    """One authoritative server at `host`:`port`, with its zones as texts."""

    def __init__(self, processes, name, host, port, zones):
        self.processes, self.name, self.host, self.port = processes, name, host, port
        self.folder = processes.folder / name
        self.folder.mkdir()
        self.zones = {}
        self.process = None
        for zone, text in zones.items():
            self._write(zone, text)
        parts = [
            "server:",
            f'  ip-address: {host}@{port}\n  server-count: 1\n  username: ""\n  chroot: ""',
            f'  zonesdir: "{self.folder}"\n  database: ""\n  pidfile: "{self.folder}/nsd.pid"',
            f'  zonelistfile: "{self.folder}/zone.list"\n  xfrdfile: "{self.folder}/xfrd.state"',
            f'  xfrdir: "{self.folder}"\n  zonefiles-check: yes\n  zonefiles-write: 0\n  verbosity: 2',
            # Every question here comes from one address.
            "  rrl-ratelimit: 0\n  hide-version: no",
            "remote-control:\n  control-enable: no",
        ]
        parts += [f'zone:\n  name: "{zone}"\n  zonefile: "{self._file(zone).name}"' for zone in self.zones]
        self.config = self.folder / "nsd.conf"
        self.config.write_text("\n".join(parts) + "\n")
        run([tool("nsd-checkconf"), self.config])

    def start(self):
        self.process = self.processes.start(self.name, [tool("nsd"), "-d", "-c", self.config], cwd=self.folder)
        wait_for(self.host, self.port, self.process)
        return self

    def stop(self):
        self.processes.end(self.process, signal.SIGTERM)

    def publish(self, zone, text):
        """Replaces a zone and waits until it is served."""
        serial = self._write(zone, text)
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 15
        while self._served(zone) != serial:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not serve {zone} with serial {serial}")
            time.sleep(0.05)

    def _served(self, zone):
        words = [f"@{self.host}", "-p", self.port, "+short", "+tries=1", "+time=1", "+norec", zone, "SOA"]
        fields = run([tool("dig"), *words], check=False).stdout.split()
        return int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else None

    def _file(self, zone):
        return self.folder / f"{zone.strip('.') or 'root'}.zone"

    def _write(self, zone, text):
        self.zones[zone] = text
        self._file(zone).write_text(text)
        done = run([tool("nsd-checkzone"), zone, self._file(zone)], check=False)
        if done.returncode != 0 or "warning" in (done.stdout + done.stderr).lower():
            raise RuntimeError(f"NSD does not like {zone}:\n{done.stdout}{done.stderr}\n{text}")
        # An outside zone's serial may be anything; ours stand in the SOA line.
        soa = next(line for line in text.splitlines() if " SOA " in line or "\tSOA\t" in line)
        numbers = [word for word in soa.replace("(", " ").split("SOA")[1].split() if word.isdigit()]
        return int(numbers[0])


class Unbound:
    """A resolver that knows the zones of `stubs` ({zone: [(host, port)]}) and nothing else."""

    def __init__(self, processes, stubs):
        self.processes = processes
        self.port = free_port()
        folder = processes.folder / "unbound"
        folder.mkdir()
        parts = [
            "server:",
            f'  interface: 127.0.0.1@{self.port}\n  username: ""\n  chroot: ""\n  directory: "{folder}"',
            '  pidfile: ""\n  use-syslog: no\n  logfile: ""\n  verbosity: 1\n  do-daemonize: no',
            '  do-not-query-localhost: no\n  do-ip6: no\n  module-config: "iterator"\n  num-threads: 1',
            # Nothing here is signed, and `test.` is ours for once (RFC 6761).
            "  local-zone: test. nodefault\n  access-control: 127.0.0.0/8 allow",
            # What was true a moment ago must not make the story wait.
            "  cache-max-ttl: 1\n  cache-max-negative-ttl: 1\n  infra-host-ttl: 1\n  infra-cache-min-rtt: 50",
            "  outgoing-interface: 127.0.0.1\n  hide-identity: yes",
            "remote-control:\n  control-enable: no",
        ]
        for zone, addresses in stubs.items():
            parts.append(f'stub-zone:\n  name: "{zone}"\n  stub-prime: no')
            parts += [f"  stub-addr: {host}@{port}" for host, port in addresses]
        config = folder / "unbound.conf"
        config.write_text("\n".join(parts) + "\n")
        run([tool("unbound-checkconf"), config])
        self.process = processes.start("unbound", [tool("unbound"), "-d", "-c", config], cwd=folder)
        wait_for("127.0.0.1", self.port, self.process)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


def common_free_port(hosts):
    """One port free at every host: authoritative servers share theirs."""
    for _ in range(50):
        port = free_port(hosts[0])
        try:
            for host in hosts[1:]:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind((host, port))
            return port
        except OSError:
            continue
    raise OSError("no port is free at all of " + ", ".join(hosts))



"""Those who mean harm: packets that are none, connections that only cost, and who else is answered meanwhile."""

import contextlib
import os
import pathlib
import random
import resource
import select
import socket
import struct
import threading
import time

from .population import CONSENT
from .wire import TYPES, Malformed, Question, Reply, packed

PACKETS = 6000
# The server keeps a connection on which nothing happens for ten seconds, and may be busy.
IDLE = 60
# What memory may come to on top of what the first round of a kind left behind, MiB.
GROWTH = 24
# Those who open connections have so many addresses.
CLIENTS = 40


class Customers:
    """Asks well-formed questions all the time, over UDP and on TCP connections of its own."""

    def __init__(self, address, question):
        self.address, self.question = address, question
        self.stopped = threading.Event()
        # How long a question took at most, with having been asked again.
        self.asked, self.lost, self.worst = 0, [], 0.0
        self.threads = [threading.Thread(target=self.run, args=(tcp,), daemon=True) for tcp in (False, True)]

    def run(self, tcp):
        while not self.stopped.is_set():
            began = time.monotonic()
            try:
                reply = ask(self.address, self.question, tcp)
                if reply.rcode or not reply.answer:
                    self.lost.append(str(reply))
            except (OSError, Malformed, struct.error) as error:
                self.lost.append(f"{'TCP' if tcp else 'UDP'}: {error!r} after {time.monotonic() - began:.1f} s")
            self.asked += 1
            self.worst = max(self.worst, time.monotonic() - began)
            self.stopped.wait(0.02)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def ask(address, question, tcp, seconds=5.0, tries=6):
    """One well-formed question, asked again where no answer comes, as any resolver does."""
    octets = question.octets(random.randrange(0x10000))
    for left in reversed(range(tries)):
        try:
            return over_tcp(address, octets, seconds) if tcp else over_udp(address, octets, seconds)
        except TimeoutError:
            if not left:
                raise


def over_tcp(address, octets, seconds):
    with socket.create_connection(address, seconds) as stream:
        stream.sendall(struct.pack("!H", len(octets)) + octets)
        reader = stream.makefile("rb")
        return Reply(reader.read(int.from_bytes(reader.read(2), "big")))


def over_udp(address, octets, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(seconds)
        server.connect(address)
        server.send(octets)
        return Reply(server.recv(65535))


class Hostile:
    def __init__(self, story, population, rng):
        self.story, self.rng, self.address = story, rng, population.address
        self.process = population.signet.process
        self.connected = 0
        zone = population.signet.settings["zone"]
        target = next(record["value"] for record in population.keyed[0]["dns_records"] if record["key"] == "dkim1")
        self.good = Question("good", target, TYPES["TXT"])
        self.valid = [
            Question("valid", name, rtype, payload=payload, do=True).octets(0)
            for name in (target, zone, f"bounce.{zone}", f"no.{zone}", f"a.{CONSENT}")
            for rtype in (TYPES["TXT"], TYPES["ANY"])
            for payload in (None, 1232)
        ]

    def all(self):
        for what, act, seconds in (
            (f"{PACKETS} packets that are none", self.datagrams, 0.1),
            ("frames that are none, over TCP", self.frames, 0.1),
            ("connections on which nothing is ever read", self.deaf, 0.5),
            ("writers who take their time", self.slow, 2),
            ("hundreds of idle connections", self.idle, 2),
        ):
            self.during(what, act, seconds)
        self.more_than_descriptors()

    def during(self, what, act, rest):
        """Three times; what the first leaves behind in memory is kept for the next, and not more than that."""
        sizes = []
        with Customers(self.address, self.good) as customers:
            for _ in range(3):
                act()
                time.sleep(rest)
                sizes.append(self.resident())
        self.story.equal(f"{what}: all others are answered ({customers.asked} questions)", customers.lost, [])
        self.story.holds("the server lives", self.process.poll() is None)
        told = ", ".join(f"{size:.0f}" for size in sizes)
        self.story.holds(f"its memory does not grow ({told} MiB; the longest wait {customers.worst * 1000:.0f} ms)", sizes[-1] < sizes[0] + GROWTH)

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    # Packets

    def malformed(self):
        """One packet that is none, or hardly one."""
        rng = self.rng
        valid = bytearray(rng.choice(self.valid))
        valid[:2] = rng.randbytes(2)
        kind = rng.randrange(9)
        if kind == 0:
            return bytes(valid[: rng.randrange(len(valid))])
        if kind == 1:
            return rng.randbytes(rng.choice([0, 1, 2, 11, 12, 13, 40, 512, 1500, 9000]))
        if kind == 2:
            for _ in range(rng.randint(1, 6)):
                valid[rng.randrange(2, len(valid))] = rng.randrange(256)
            return bytes(valid)
        if kind == 3:
            at = rng.choice([4, 6, 8, 10])
            valid[at : at + 2] = struct.pack("!H", rng.choice([0, 1, 2, 255, 65535]))
            return bytes(valid)
        if kind == 4:
            return bytes(valid[:12]) + self.looping() + struct.pack("!2H", 16, 1)
        if kind == 5:
            return self.name_too_long(valid)
        if kind == 6:
            return self.odd_opt(valid)
        if kind == 7:
            return bytes(valid) + rng.randbytes(rng.choice([1, 2, 11, 500]))
        return self.odd_signature(valid)

    def looping(self):
        """A name that leads to itself, to a chain of pointers, into the header, past the end, or is of a kind unknown."""
        chain = b"".join(struct.pack("!H", 0xC000 | at) for at in range(14, 14 + 2 * self.rng.randint(1, 100), 2))
        return self.rng.choice(
            [b"\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x01a\xc0\x0c", chain + b"\xc0\x0c", b"\xc0\x04", b"\xff\xff", b"\x40a", b"\x80", b"\x3f", b"\xc0"]
        )

    def name_too_long(self, valid):
        size = self.rng.choice([1, 63])
        name = (bytes([size]) + b"a" * size) * (self.rng.randint(256, 3000) // (size + 1) + 1) + b"\0"
        return bytes(valid[:4]) + struct.pack("!4H", 1, 0, 0, 0) + name + struct.pack("!2H", 16, 1)

    def odd_opt(self, valid):
        """EDNS options longer than they are, very many, or more than one OPT."""
        rng = self.rng
        options = rng.choice([b"", b"\0\x0a", b"\0\x0a\xff\xff", b"\0\x0a\0\x08" + b"x" * 8, rng.randbytes(5), b"\xfd\xe9\0\0" * 2000, rng.randbytes(60000)])
        length = rng.choice([len(options), 0, 65535, len(options) + 1])
        owner = rng.choice([b"\0", packed("signet.test"), b"\xc0\x0c"])
        opt = owner + struct.pack("!2HIH", TYPES["OPT"], rng.choice([0, 512, 65535]), rng.choice([0, 0x10000, 0xFFFFFFFF]), length) + options
        count = rng.choice([1, 1, 2, 50]) if len(options) < 100 else 1
        question = Question("", "signet.test", 16, payload=None).octets(int.from_bytes(valid[:2], "big"))
        return question[:10] + struct.pack("!H", count) + question[12:] + opt * count

    def odd_signature(self, valid):
        """A TSIG (RFC 8945) of a key that nobody has, with lengths that lie."""
        rng = self.rng
        data = packed("hmac-sha256") + struct.pack("!Q", 1 << 16 | 300)[2:] + struct.pack("!2H", 300, rng.choice([0, 32, 65535]))
        data += rng.randbytes(rng.choice([0, 32, 31])) + struct.pack("!3H", 0, 0, rng.choice([0, 6, 65535]))
        record = packed("nobody.key") + struct.pack("!2HIH", TYPES["TSIG"], 255, 0, rng.choice([len(data), 0, len(data) + 9])) + data
        rtype = rng.choice([TYPES["AXFR"], TYPES["IXFR"], TYPES["TXT"], TYPES["SOA"]])
        question = Question("", "signet.test", rtype, payload=None, opcode=rng.choice([0, 0, 4, 5])).octets(int.from_bytes(valid[:2], "big"))
        return question[:10] + b"\0\x01" + question[12:] + record

    def datagrams(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.connect(self.address)
            sent, replies = set(), []
            for number in range(PACKETS):
                packet = self.malformed()
                sent.add(packet[:2])
                server.send(packet)
                # No faster than they are read, or the kernel drops them unseen.
                while select.select([server], [], [], 0.002 if number % 8 == 0 else 0)[0]:
                    replies.append(server.recv(65535))
            while select.select([server], [], [], 0.3)[0]:
                replies.append(server.recv(65535))
        for octets in replies:
            self.is_a_reply(octets, sent)
        self.story.say(f"{len(replies)} of {PACKETS} brought a reply, each a well-formed one")

    def is_a_reply(self, octets, sent):
        try:
            reply = Reply(octets)
        except (Malformed, struct.error) as error:
            self.story.holds(f"a reply is well-formed ({error})", False, repr(octets))
        fits = reply.has(0x8000) and octets[:2] in sent and len(octets) <= 1232
        if not fits:
            self.story.holds("a reply is a reply to something, and short", False, repr(octets))

    # Connections

    def connect(self, seconds=30):
        """From one of many addresses: what one client may have is bounded, and the customers are clients, too."""
        self.connected += 1
        stream = socket.create_connection(self.address, seconds, (f"127.77.0.{1 + self.connected % CLIENTS}", 0))
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def frames(self):
        """Frames of no length, of another length than they say, and packets that are none, then an abrupt end."""
        for number in range(300):
            with contextlib.suppress(OSError), self.connect() as stream:
                for _ in range(self.rng.randint(1, 10)):
                    packet = self.malformed()
                    length = self.rng.choice([len(packet), len(packet), 0, len(packet) + 100, 65535, max(len(packet) - 3, 0)])
                    stream.sendall(struct.pack("!H", min(length, 65535)) + packet)
                if number % 3 == 0:
                    # A reset in place of an end.
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif number % 3 == 1:
                    stream.shutdown(socket.SHUT_WR)
                    stream.settimeout(0.05)
                    stream.recv(65535)

    def deaf(self):
        """Many questions on each connection, and nobody who reads what is said."""
        octets = self.good.octets(7)
        frames = (struct.pack("!H", len(octets)) + octets) * 200
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(self.connect()) for _ in range(20)]
            deadline = time.monotonic() + 4
            for stream in streams:
                stream.setblocking(False)
            while time.monotonic() < deadline:
                for stream in select.select([], streams, [], 0.2)[1]:
                    try:
                        stream.send(frames)
                    except BlockingIOError:
                        pass
                    except OSError:
                        streams.remove(stream)
                if not streams:
                    break

    def slow(self):
        """An octet now and then, so that no message ever comes to its end."""
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(self.connect()) for _ in range(100)]
            for octet in b"\0\x40abcdefgh":
                for stream in streams:
                    with contextlib.suppress(OSError):
                        stream.send(bytes([octet]))
                time.sleep(0.4)

    def idle(self):
        before = self.descriptors()
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(self.connect()) for _ in range(400)]
            for stream in streams[::2]:
                stream.send(b"\0")
            deadline = time.monotonic() + IDLE
            left = set(streams)
            while left and (rest := deadline - time.monotonic()) > 0:
                for stream in select.select(list(left), [], [], rest)[0]:
                    with contextlib.suppress(OSError):
                        stream.recv(1)
                    left.discard(stream)
            self.story.equal("connections that say nothing are closed", len(left), 0)
        if self.descriptors() > before + 20:
            self.story.holds("nothing is left open", False, f"{before} descriptors before, {self.descriptors()} now")

    def more_than_descriptors(self):
        """More connections than the server may have files open: UDP must not notice, nor anything turn round and round."""
        limits = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (self.descriptors() + 100, limits[1]))
        with contextlib.ExitStack() as stack:
            # As many more as the kernel keeps in a queue, and some.
            for _ in range(300):
                with contextlib.suppress(OSError):
                    stack.enter_context(self.connect(seconds=0.05))
            time.sleep(0.5)
            reply = ask(self.address, self.good, tcp=False)
            self.story.holds("out of descriptors, UDP is answered", reply.answer)
            # It makes keys at times; what turns round and round does so all the time.
            spent = min(self.spent(2) for _ in range(5))
            self.story.holds(f"and nothing turns round and round ({spent:.2f} s of CPU in 2 s)", spent < 1)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, limits)
        answered = lambda: ask(self.address, self.good, tcp=True).answer
        self.story.eventually("when they have gone, TCP is answered", answered)

    def spent(self, seconds):
        """Seconds of CPU that the server takes meanwhile."""
        began = self.cpu()
        time.sleep(seconds)
        return self.cpu() - began

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

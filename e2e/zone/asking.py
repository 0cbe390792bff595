"""Asking the same of several servers: many questions under way at a time, over UDP and TCP."""

import contextlib
import random
import select
import socket
import struct
import time

# Questions under way at one server: what its receive buffer holds in any case.
UNDER_WAY = 64
TRIES, PATIENCE = 4, 5.0


def ask_all(address, questions):
    """The octets of the reply to each, in their order; None for those that nobody answered."""
    udp = [index for index, question in enumerate(questions) if not question.tcp]
    tcp = [index for index, question in enumerate(questions) if question.tcp]
    replies = [None] * len(questions)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.connect(address)
        for some in _parts(udp):
            _over_udp(server, questions, some, replies)
    for some in _parts(tcp):
        _over_tcp(address, questions, some, replies)
    return replies


def unanswered(address, questions, seconds=1.0):
    """How many of these datagrams have brought no reply after a while."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.connect(address)
        for number, question in enumerate(questions):
            server.send(question.octets(number))
        replies = 0
        while select.select([server], [], [], seconds)[0]:
            server.recv(65535)
            replies += 1
        return len(questions) - replies


def _parts(indices):
    return [indices[at : at + UNDER_WAY] for at in range(0, len(indices), UNDER_WAY)]


def _numbers(some):
    """Message ids for the questions with these indices."""
    first = random.randrange(0x10000)
    return {(first + place) % 0x10000: index for place, index in enumerate(some)}


def _over_udp(server, questions, some, replies):
    waiting = _numbers(some)
    for _ in range(TRIES):
        for number, index in waiting.items():
            server.send(questions[index].octets(number))
        deadline = time.monotonic() + PATIENCE
        while waiting and (left := deadline - time.monotonic()) > 0:
            if not select.select([server], [], [], left)[0]:
                break
            reply = server.recv(65535)
            index = waiting.pop(int.from_bytes(reply[:2], "big"), None)
            if index is not None:
                replies[index] = reply


def _over_tcp(address, questions, some, replies):
    """All on one connection, before the first is answered (RFC 7766, section 6.2.1.1).

    A server may close it after any reply (section 6.2.3); what is left is asked on another.
    """
    waiting = _numbers(some)
    in_vain = 0
    for _ in range(TRIES * UNDER_WAY):
        before = len(waiting)
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=PATIENCE) as stream:
            frames = [questions[index].octets(number) for number, index in waiting.items()]
            stream.sendall(b"".join(struct.pack("!H", len(frame)) + frame for frame in frames))
            reader = stream.makefile("rb")
            while waiting and len(length := reader.read(2)) == 2:
                reply = reader.read(int.from_bytes(length, "big"))
                index = waiting.pop(int.from_bytes(reply[:2], "big"), None)
                if index is not None:
                    replies[index] = reply
        if not waiting:
            return
        in_vain = in_vain + 1 if len(waiting) == before else 0
        if in_vain == TRIES:
            # It is the first that is not answered.
            waiting.pop(next(iter(waiting)))
            in_vain = 0

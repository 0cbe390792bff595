"""Signing zones as their owners do, with BIND's tools."""

from .processes import run, tool

ALGORITHM = "ECDSAP256SHA256"


class Signer:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def sign(self, apex, text):
        """The signed zone, and its keys: the file of the key-signing key."""
        make = [tool("dnssec-keygen"), "-q", "-K", self.folder, "-a", ALGORITHM]
        key = run([*make, "-f", "KSK", f"{apex}."]).stdout.strip()
        run([*make, f"{apex}."])
        plain, signed = self.folder / f"{apex}.zone", self.folder / f"{apex}.signed"
        plain.write_text(text)
        words = ["-q", "-S", "-K", self.folder, "-d", self.folder, "-o", f"{apex}.", "-O", "full", "-f", signed, plain]
        run([tool("dnssec-signzone"), *words])
        return signed.read_text(), self.folder / f"{key}.key"

    def vouched(self, apex, key, right):
        """The DS lines for `test.`: of the zone's key, or of one it does not have."""
        if not right:
            made = run([tool("dnssec-keygen"), "-q", "-K", self.folder, "-a", ALGORITHM, "-f", "KSK", f"{apex}."])
            key = self.folder / f"{made.stdout.strip()}.key"
        return [f"{apex.removesuffix('.test')} DS {data}" for data in self._ds(key)]

    def anchors(self, apex, key):
        return [f"{apex}. DS {data}" for data in self._ds(key)]

    def _ds(self, key):
        lines = run([tool("dnssec-dsfromkey"), "-2", key]).stdout.splitlines()
        return [line.split(" DS ")[1] for line in lines]

"""A certificate authority that lives as long as a story."""

from .processes import run, tool


class Authority:
    """Makes certificates for host names."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.certificate = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN=Signet tests: {name}", "-keyout", self.key, "-out", self.certificate),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def issue(self, *hosts):
        """The files of a certificate for `hosts` and of its key."""
        chain, key = self.folder / f"{hosts[0]}.pem", self.folder / f"{hosts[0]}.key"
        names = ",".join(f"DNS:{host}" for host in hosts)
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={hosts[0]}", "-keyout", key, "-out", chain),
            *("-CA", self.certificate, "-CAkey", self.key, "-addext", f"subjectAltName={names}"),
            *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"),
        )
        return chain, key

    @staticmethod
    def _openssl(*words):
        run([tool("openssl"), *words])

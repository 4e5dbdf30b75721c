"""Certificates of a test's own, made with the openssl program: an authority and what it signs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Two files in PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates, all in one folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self.name = name
        self.file = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        _openssl(
            *("req", "-x509", "-nodes", "-days", "30", "-subj", f"/CN={name}", *NEW_KEY),
            *("-keyout", self._key, "-out", self.file),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
        )

    def sign(self, file: str, common_name: str, *names: str, days: int = 30) -> Certificate:
        """A certificate; `names` are such as DNS:localhost and IP:127.0.0.1."""
        made = Certificate(self.folder / f"{file}.crt", self.folder / f"{file}.key")
        request = self.folder / f"{file}.csr"
        _openssl(
            *("req", "-new", "-nodes", "-subj", f"/CN={common_name}", *NEW_KEY),
            *("-keyout", made.key, "-out", request),
        )
        extensions = self.folder / f"{file}.ext"
        extensions.write_text(f"subjectAltName={','.join(names)}\n" if names else "")
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key),
            *("-CAcreateserial", "-days", str(days), "-extfile", extensions),
            *("-out", made.certificate),
        )
        made.key.chmod(0o600)
        return made

    def lock(self, key: Path) -> Path:
        """A copy of a key that wants a passphrase."""
        locked = key.with_suffix(".locked")
        _openssl("pkey", "-in", key, "-aes256", "-passout", "pass:hush", "-out", locked)
        return locked


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr

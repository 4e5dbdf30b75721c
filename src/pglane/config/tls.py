"""What TLS is done with: from settings to contexts of the `ssl` module.

TLS 1.2 is the floor, with Python's choice of ciphers (forward secrecy and authenticated encryption
only). No renegotiation, no compression, no tickets or kept sessions: a client that comes again
proves itself again, as with PostgreSQL.

A context is made anew at each reload, so that new files count for connections that begin then.
Files are tried before anything else is changed: a reload with a broken one changes nothing.
"""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pglane.config.settings import Settings
from pglane.errors.configuration import TlsFileUnusable
from pglane.errors.refused import RefusedError

ALPN = "postgresql"
"""The protocol's name in TLS handshakes (IANA)."""
VERIFYING = ("verify-ca", "verify-full")
DEMANDING = ("require", *VERIFYING)
SYSTEM = "system"
"""In place of a file: the authorities that this machine trusts."""
CERTIFICATE_BYTES_MAX = 1024 * 1024
DEFAULT = "the default settings"
NOWHERE: Mapping[str, str] = {}

T = TypeVar("T")


def client_context(
    settings: Settings, places: Mapping[str, str] = NOWHERE
) -> ssl.SSLContext | None:
    """What the doors answer TLS with; None when they do not.

    Args:
        settings: all of them.
        places: by field name, where it was said; for messages.

    Raises:
        RefusedError: a file cannot be used.
    """
    if settings.client_tls_sslmode == "disable" or not settings.client_tls_cert_file:
        return None
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
    _load_certificate(context, settings, "client", places)
    if settings.client_tls_ca_file:
        _load_authorities(context, settings, "client", places)
        demanded = settings.client_tls_sslmode in VERIFYING
        context.verify_mode = ssl.CERT_REQUIRED if demanded else ssl.CERT_OPTIONAL
    return context


def client_certificate(settings: Settings) -> bytes:
    """The doors' own certificate, in DER; `client_context` has read the same file.

    Raises:
        RefusedError: it cannot be used any more.
    """
    file = settings.client_tls_cert_file
    remedy = "name a PEM file with the certificate first, then those that signed it"
    return _tried(lambda: der_of(_text_of(file)), "client_tls_cert_file", file, remedy, NOWHERE)


def server_context(
    settings: Settings, places: Mapping[str, str] = NOWHERE
) -> ssl.SSLContext | None:
    """What PostgreSQL is asked for TLS with; None when it is not.

    As with libpq, authorities that are named are looked at in every mode.

    Raises:
        RefusedError: a file cannot be used.
    """
    mode = settings.server_tls_sslmode
    if mode == "disable":
        return None
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    if settings.server_tls_ca_file == SYSTEM:
        context.load_default_certs()
    elif settings.server_tls_ca_file:
        _load_authorities(context, settings, "server", places)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.server_tls_cert_file:
        _load_certificate(context, settings, "server", places)
    return context


def is_demanded(mode: str, *, local: bool) -> bool:
    """Whether a client must speak TLS; `local`: it comes from this machine."""
    return mode in DEMANDING or (mode == "auto" and not local)


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols([ALPN])
    return context


def _load_certificate(
    context: ssl.SSLContext, settings: Settings, side: str, places: Mapping[str, str]
) -> None:
    """The certificate and its key; a key that wants a passphrase is refused, not asked for."""
    certificate, key = (getattr(settings, f"{side}_tls_{what}_file") for what in ("cert", "key"))
    remedy = "name a PEM file with the certificate first, then those that signed it"
    name = f"{side}_tls_cert_file"
    text = _tried(lambda: _text_of(certificate), name, certificate, remedy, places)
    _tried(lambda: der_of(text), name, certificate, remedy, places)
    _tried(
        lambda: context.load_cert_chain(certificate, key, password=""),
        f"{side}_tls_key_file",
        key,
        f"name the private key that belongs to {certificate}, as PEM without a passphrase",
        places,
    )


def _load_authorities(
    context: ssl.SSLContext, settings: Settings, side: str, places: Mapping[str, str]
) -> None:
    name = f"{side}_tls_ca_file"
    file: str = getattr(settings, name)
    remedy = "name a PEM file with the certificates of the authorities"
    _tried(lambda: context.load_verify_locations(file), name, file, remedy, places)


def der_of(text: str) -> bytes:
    """The first certificate of a PEM file, in DER.

    Raises:
        ValueError: there is none.
    """
    begin = text.find(ssl.PEM_HEADER)
    end = text.find(ssl.PEM_FOOTER, begin)
    if begin < 0 or end < 0:
        raise ValueError("it holds no certificate (-----BEGIN CERTIFICATE-----)")
    return ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])


def _text_of(file: str) -> str:
    with Path(file).open("rb") as opened:
        return opened.read(CERTIFICATE_BYTES_MAX).decode("latin-1")


def _tried(
    call: Callable[[], T], name: str, file: str, remedy: str, places: Mapping[str, str]
) -> T:
    """What a call that reads `file` gives; what it raises becomes a refusal."""
    try:
        return call()
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        section, _, key = name.partition("_")
        raise RefusedError(
            TlsFileUnusable(
                where=places.get(name, DEFAULT),
                key=f"{section}s.{key}" if section == "client" else f"{section}.{key}",
                file=file,
                seen=_reason(error),
                remedy=remedy,
            )
        ) from error


def _reason(error: Exception) -> str:
    """What the system or OpenSSL says, for people."""
    if isinstance(error, ssl.SSLError):
        said = (error.reason or "it is not PEM").lower().replace("_", " ")
        return f"OpenSSL says: {said}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

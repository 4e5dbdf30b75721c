"""What a URI, or PG* variables, say about TLS towards the server.

The words are libpq's, and `ssl=...` as JDBC and Node write it. A word that would make the
connection safer than we can make it is refused; one that changes nothing here is ignored.

Without `sslmode` nothing is said about the mode: then [server] or its default tells it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pglane.config.settings import SSLMODES
from pglane.config.tls import DEMANDING, SYSTEM
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import UriUnsupported

VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "channel_binding": "PGCHANNELBINDING",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslcertmode": "PGSSLCERTMODE",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
}
FILES = {"sslrootcert": "tls_ca_file", "sslcert": "tls_cert_file", "sslkey": "tls_key_file"}
HARMLESS = {
    "sslnegotiation": ("", "postgres", "direct"),
    "channel_binding": ("", "prefer", "require", "disable"),
    "sslcrl": ("",),
    "sslcrldir": ("",),
    "sslpassword": ("",),
    "sslcertmode": ("", "allow"),
    "ssl_min_protocol_version": ("", "tlsv1", "tlsv1.1", "tlsv1.2"),
}
"""Values that ask nothing of us, or what we do."""
IGNORED = (
    *("sslsni", "sslcompression", "sslaccept", "sslidentity", "sslkeylogfile"),
    "ssl_max_protocol_version",
)
"""Without them a connection is at least as safe."""
MEANT = {
    "true": "require",
    "1": "require",
    "no-verify": "require",
    "false": "",
    "0": "",
}
"""What others write for a mode."""
ROOT = ".postgresql/root.crt"

Where = Callable[[str], str]


def is_about_tls(name: str) -> bool:
    """Whether a word is judged here; a misspelt one counts as asking for TLS."""
    lower = name.lower()
    return lower.startswith(("ssl", "channel_binding")) and name not in IGNORED


def read(
    words: Mapping[str, str], where: Where, environment: Mapping[str, str]
) -> tuple[dict[str, str], list[Refusal]]:
    """What is said, by the key in [server], and what must be refused.

    Args:
        words: of URI and variables, by libpq's names.
        where: tells where a word was said.
        environment: for HOME.
    """
    refusals = [
        refusal
        for name, value in words.items()
        if is_about_tls(name) and (refusal := _objection(name, value, where)) is not None
    ]
    said = {
        key: value if value == SYSTEM else str(Path(value).expanduser().absolute())
        for name, key in FILES.items()
        if (value := words.get(name))
    }
    mode = _mode(words)
    if words.get("sslrootcert") == SYSTEM and not mode:
        mode = "verify-full"
    if mode:
        said["tls_sslmode"] = mode
    root = Path(environment.get("HOME") or "/nowhere", ROOT)
    if mode in DEMANDING and "tls_ca_file" not in said and root.is_file():
        said["tls_ca_file"] = str(root)
    if words.get("sslnegotiation") == "direct":
        said["tls_negotiation"] = "direct"
    if words.get("channel_binding"):
        said["tls_channel_binding"] = words["channel_binding"].lower()
    if mode == "verify-full" and words.get("host") and words.get("hostaddr"):
        seen = "the name in the certificate is looked for in host, and hostaddr takes its place"
        remedy = "leave hostaddr out"
        option = {"where": where("hostaddr"), "option": "hostaddr"}
        refusals.append(UriUnsupported(**option, seen=seen, remedy=remedy))
    return said, refusals


def _mode(words: Mapping[str, str]) -> str:
    """The mode that is asked for; empty if none is."""
    said = (words.get("sslmode") or words.get("ssl") or "").lower()
    return MEANT.get(said, said)


def _objection(name: str, value: str, where: Where) -> Refusal | None:
    remedy = f"say one of {', '.join(SSLMODES)}"
    if name in ("sslmode", "ssl"):
        mode = MEANT.get(value.lower(), value.lower())
        if not mode or mode in SSLMODES:
            return None
        seen = f"{name}={value} is no mode of TLS"
    elif name in HARMLESS:
        if value.lower() in HARMLESS[name]:
            return None
        seen = f"{name}={value} is not supported, and ignoring it would be less than was asked"
        remedy = "leave it out"
    elif name in FILES:
        return None
    else:
        seen = f"{name} is no option of PostgreSQL's; TLS must not hang on a spelling"
        remedy = "leave it out, or say sslmode=..."
    return UriUnsupported(where=where(name), option=name, seen=seen, remedy=remedy)

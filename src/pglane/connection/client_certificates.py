"""Whom a client's certificate is for: the user of its name, or users that name it.

As with PostgreSQL's `clientcert=verify-full` and its cert method: the certificate was found good
in the TLS handshake; its common name (CN), or its whole distinguished name (DN), must be the
user's, or one that the user's table lists (`certificate_names`), which takes the place of
pg_ident.conf. Names are compared as they are, letter by letter. A certificate with several common
names has none: which one is meant nobody says.

A distinguished name is written as `openssl x509 -nameopt RFC2253 -subject` does it.

Source: RFC 2253, section 2; PostgreSQL manual, "Certificate Authentication".
"""

from collections.abc import Iterable, Mapping

CN = "commonName"
SHORT = {
    "businessCategory": "businessCategory",
    CN: "CN",
    "countryName": "C",
    "description": "description",
    "dnQualifier": "dnQualifier",
    "domainComponent": "DC",
    "emailAddress": "emailAddress",
    "givenName": "GN",
    "initials": "initials",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "postalCode": "postalCode",
    "serialNumber": "serialNumber",
    "stateOrProvinceName": "ST",
    "streetAddress": "street",
    "surname": "SN",
    "title": "title",
    "userId": "UID",
}
"""How OpenSSL writes the names of attributes; others are written as Python gives them."""
ESCAPED = ',+"\\<>;'

Subject = Iterable[Iterable[tuple[str, str]]]
"""As Python's ssl module gives it: sets of attributes, in the certificate's order."""


class ClientCertificates:
    """Which certificates are for whom.

    Args:
        own: names of certificates by user; of others it is their own name.
        only: a certificate is all that is asked.

    Attributes:
        only: the same.
    """

    def __init__(self, own: Mapping[str, Iterable[str]], *, only: bool) -> None:
        self._own = {user: frozenset(names) for user, names in own.items()}
        self.only = only

    def fit(self, user: str, name: str) -> bool:
        """Whether a certificate of this name is for the user; "": there is none."""
        return bool(name) and name in self._own.get(user, (user,))


def name_of(subject: Subject, kind: str) -> str:
    """The name that a certificate gives its holder; "" if it gives none.

    Args:
        subject: of the certificate.
        kind: "cn" or "dn".
    """
    if kind == "dn":
        return ",".join("+".join(map(_written, reversed([*part]))) for part in _reversed(subject))
    names = [value for part in subject for name, value in part if name == CN]
    return names[0] if len(names) == 1 else ""


def _reversed(subject: Subject) -> list[Iterable[tuple[str, str]]]:
    return [*subject][::-1]


def _written(attribute: tuple[str, str]) -> str:
    name, value = attribute
    return f"{SHORT.get(name, name)}={_escaped(value)}"


def _escaped(value: str) -> str:
    written = "".join(map(_character, value))
    if value.startswith(("#", " ")):
        written = "\\" + written
    if value.endswith(" ") and len(value) > 1:
        written = written[:-1] + "\\ "
    return written


def _character(character: str) -> str:
    if character in ESCAPED:
        return "\\" + character
    if " " <= character <= "~":
        return character
    return "".join(f"\\{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))

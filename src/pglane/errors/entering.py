"""Family 02: entering. Startup, authentication, who may come in from where."""

from pglane.errors.catalogue import Refusal


class PasswordWrong(Refusal):
    """Authentication failed; an unknown user reads the same words."""

    code = "PGL0201"
    sqlstate = "28P01"
    message = 'password authentication failed for user "{user}"'
    detail = "The gateway checked it, not PostgreSQL."
    hint = (
        "Check user and password. Users are those of the connection URI, of users_file and "
        "auth_file and, with auth_user, the roles of PostgreSQL; all in [clients]."
    )
    retry_safe = True
    fatal = True
    log_level = "info"


class UserMissing(Refusal):
    """The startup packet names no user."""

    code = "PGL0202"
    sqlstate = "28000"
    message = "no PostgreSQL user name specified in startup packet"
    detail = "The startup packet has no parameter user."
    hint = "Name a user in the connection string."
    retry_safe = True
    fatal = True
    log_level = "info"


class AuthenticationMalformed(Refusal):
    """The client's authentication message is not what was asked for."""

    code = "PGL0203"
    sqlstate = "08P01"
    message = "malformed authentication message"
    detail = "Expected {expected}, seen {seen}."
    hint = "Does the driver know the way to log in that clients.auth of the gateway names?"
    retry_safe = True
    fatal = True
    log_level = "info"


class DoorNeedsPooling(Refusal):
    """A replication connection came to a door that lends server connections."""

    code = "PGL0204"
    sqlstate = "0A000"
    message = "replication connections cannot use the {door} door"
    detail = "The startup packet has replication={value}."
    hint = "Connect to the direct door: {direct}."
    retry_safe = True
    fatal = True
    log_level = "info"


class ConsoleForbidden(Refusal):
    """The user may not use the console."""

    code = "PGL0205"
    sqlstate = "42501"
    message = 'user "{user}" may not use the console'
    detail = 'Database "pglane" is the gateway\'s own console.'
    hint = (
        "Name the user in admin_users or stats_users of [clients], or connect to another database."
    )
    retry_safe = True
    fatal = True
    log_level = "info"


class PasswordInTheClear(Refusal):
    """A client would have to send its password unencrypted."""

    code = "PGL0207"
    sqlstate = "28000"
    message = "this gateway asks for passwords in the clear, and only where nobody else can listen"
    detail = 'clients.auth is "plain"; the connection has neither TLS nor a Unix socket.'
    hint = "Connect with sslmode=require (or verify-full), or through the Unix socket."
    retry_safe = True
    fatal = True
    log_level = "info"


class SomebodyBetween(Refusal):
    """The client's TLS does not end here, or our offer of channel binding did not reach it."""

    code = "PGL0208"
    sqlstate = "28000"
    message = "channel binding failed: somebody may be between you and the gateway"
    detail = "Seen: {seen}."
    hint = (
        "Is there a proxy that ends TLS? If not, do not trust this network. After a change of the "
        "gateway's certificate, try once more."
    )
    retry_safe = True
    fatal = True


class AddressNotAllowed(Refusal):
    """The user may not come from there; told to those who have shown who they are."""

    code = "PGL0209"
    sqlstate = "28000"
    message = 'user "{user}" may not come from {address}'
    detail = "The login itself was right; the address is not among those of allow_from."
    hint = "Connect from elsewhere, or add the address to allow_from ([users.NAME] or [clients])."
    retry_safe = True
    fatal = True


class SuperuserNotHere(Refusal):
    """A superuser, or somebody who may be one, from where superusers do not come from."""

    code = "PGL0210"
    sqlstate = "28000"
    message = 'user "{user}" may not come from {address}, for it is or may be a superuser'
    detail = "{seen}; clients.superusers_from is {allowed}."
    hint = (
        "Use a role that is no superuser, connect from the gateway's own machine, or add the "
        "address to superusers_from in [clients]."
    )
    retry_safe = True
    fatal = True


class LoginHeldBack(Refusal):
    """The proof was not looked at in time, for others from there were wrong."""

    code = "PGL0211"
    sqlstate = "53300"
    message = 'too many failed logins of user "{user}" from this address'
    detail = (
        "The password was not looked at within {waited_ms:.0f} ms, for wrong ones come all the "
        "time. Other users, and other addresses, are not affected."
    )
    hint = "Find who tries wrong passwords from here, and connect again then."
    retry_safe = True
    fatal = True


class CertificateOfOther(Refusal):
    """The client's certificate does not name the user; told before anything else is asked."""

    code = "PGL0212"
    sqlstate = "28000"
    message = 'certificate authentication failed for user "{user}"'
    detail = "Seen: {seen}."
    hint = (
        "Use a certificate whose common name is the user's; or, if [users.NAME] has "
        "certificate_names, one of those names, or add this one there. On a Unix socket there is "
        "no certificate: connect by TLS."
    )
    retry_safe = True
    fatal = True
    log_level = "info"


class TlsDemanded(Refusal):
    """A client without TLS, where TLS is demanded."""

    code = "PGL0220"
    sqlstate = "28000"
    message = "this gateway demands TLS"
    detail = "The connection is not encrypted; clients.tls_sslmode is {mode}."
    hint = (
        "Connect with sslmode=require (or verify-full); where the gateway's mode is verify-ca or "
        "verify-full, with a certificate too (sslcert and sslkey)."
    )
    retry_safe = True
    fatal = True
    log_level = "info"


class EarlyPlaintext(Refusal):
    """Something came in the clear between the request for TLS and its handshake."""

    code = "PGL0221"
    sqlstate = "08P01"
    message = "received unencrypted data after the request for TLS"
    detail = "{seen} bytes came behind SSLRequest; somebody between us may have put them there."
    hint = "If nobody did, the driver is broken: it must wait for the answer to SSLRequest."
    retry_safe = True
    fatal = True


class DirectTlsUnnamed(Refusal):
    """TLS without a request for it, and the client did not say that it speaks PostgreSQL."""

    code = "PGL0222"
    sqlstate = "08P01"
    message = "TLS was begun directly, without the protocol name postgresql"
    detail = "The handshake's ALPN extension is missing, or names other protocols only."
    hint = "Use sslnegotiation=postgres, or a driver that sends ALPN with sslnegotiation=direct."
    retry_safe = True
    fatal = True
    log_level = "info"


class WordUnknown(Refusal):
    """A startup option of pglane's own that does not exist."""

    code = "PGL0243"
    sqlstate = "42704"
    message = 'there is no startup option "{word}"'
    detail = "Of those that begin with pglane. there are: {known}."
    hint = "{suggestion}"
    retry_safe = True
    fatal = True
    log_level = "info"


class NoSuchSetting(Refusal):
    """A word of the protocol was asked for as if it were a setting."""

    code = "PGL0244"
    sqlstate = "42704"
    message = 'unrecognized configuration parameter "{name}"'
    detail = "It is a word of the protocol, spelled otherwise, or asked for in options."
    hint = "Say it in the connection string itself, in lower case."
    retry_safe = True
    fatal = True
    log_level = "info"


class LaneUnknown(Refusal):
    """A client asked for a lane that is not configured."""

    code = "PGL0240"
    sqlstate = "42704"
    message = 'there is no lane "{lane}"'
    detail = 'It was asked for by pglane.lane; the client belongs to lane "{own}".'
    hint = "{suggestion}"
    retry_safe = True
    fatal = True
    log_level = "info"


class LaneNotAllowed(Refusal):
    """A client asked for a lane that does not admit it."""

    code = "PGL0241"
    sqlstate = "42501"
    message = 'user "{user}" may not enter lane "{lane}"'
    detail = (
        'It reserves server connections, or is of a higher rank or weight than lane "{own}", '
        "and does not allow the user or the address."
    )
    hint = "Name the user in allow of [lanes.{lane}], or ask for a lane that reserves nothing."
    retry_safe = True
    fatal = True
    log_level = "info"


class LaneOfOtherDoor(Refusal):
    """A client asked for a lane of another door."""

    code = "PGL0242"
    sqlstate = "0A000"
    message = 'lane "{lane}" is not for the {door} door'
    detail = "Only clients of the {other} door may be in it."
    hint = "Connect to the {other} door: {address}."
    retry_safe = True
    fatal = True
    log_level = "info"

"""Family 02 too: what PostgreSQL says of the role that comes in, or is in."""

from pglane.errors.catalogue import Refusal


class RoleMayNotLogIn(Refusal):
    """The role has NOLOGIN; PostgreSQL would say the same."""

    code = "PGL0230"
    sqlstate = "28000"
    message = 'role "{user}" is not permitted to log in'
    detail = "The password is right, and PostgreSQL's role has NOLOGIN."
    hint = "ALTER ROLE .. LOGIN lets it in."
    retry_safe = True
    fatal = True
    log_level = "info"


class RoleConnectionsUsedUp(Refusal):
    """The role's CONNECTION LIMIT is reached by clients of the gateway."""

    code = "PGL0231"
    sqlstate = "53300"
    message = 'too many connections for role "{user}"'
    detail = "{seen} of its clients are connected; its CONNECTION LIMIT is {allowed}."
    hint = "Close some, or raise the limit: ALTER ROLE .. CONNECTION LIMIT .."
    retry_safe = True
    fatal = True
    log_level = "info"


class DatabaseNotGranted(Refusal):
    """The role may not connect to the database; PostgreSQL would say the same."""

    code = "PGL0232"
    sqlstate = "42501"
    message = 'permission denied for database "{database}"'
    detail = 'Role "{user}" does not have CONNECT privilege.'
    hint = "GRANT CONNECT ON DATABASE .. TO .. gives it."
    retry_safe = True
    fatal = True
    log_level = "info"


class RolesUnreadable(Refusal):
    """It cannot be asked what PostgreSQL says of the role."""

    code = "PGL0233"
    sqlstate = "57P03"
    message = "the gateway cannot look roles up at this moment"
    detail = "PostgreSQL does not answer the gateway's question; the gateway's log says why."
    hint = "Retry. If it stays: can clients.auth_user log in and run clients.auth_query?"
    retry_safe = True
    fatal = True


class RoleEnded(Refusal):
    """The role is not what it was when this client logged in."""

    code = "PGL0234"
    sqlstate = "57P01"
    message = 'terminating connection because role "{user}" {change}'
    detail = "PostgreSQL's role has changed since this client logged in. Nothing was under way."
    hint = "Log in again with what holds now."
    retry_safe = True
    fatal = True
    log_level = "info"


class DirectRoleEnded(Refusal):
    """The same for a client of the direct door, whose requests pass unread."""

    code = "PGL0235"
    sqlstate = "57P01"
    message = 'terminating connection because role "{user}" {change}'
    detail = (
        "PostgreSQL's role has changed since this client logged in. Its requests pass unread "
        "here; PostgreSQL was idle when it was heard last."
    )
    hint = (
        "Log in again with what holds now. If a request was sent and not answered, look whether "
        "it took effect."
    )
    retry_safe = False
    fatal = True
    log_level = "info"

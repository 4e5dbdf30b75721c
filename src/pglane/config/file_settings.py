"""What `pglane.toml` may say beyond the settings: words that become parts of others.

A URI becomes host, port, user and more, a file of users becomes users. The reader of the file and
its schema know them from here.
"""

from functools import cache

from pglane.config.description import Description
from pglane.config.settings import descriptions

FILE_ONLY = (
    Description(
        name="server_uri",
        section="server",
        key="uri",
        unit="",
        minimum=0,
        maximum=4000,
        choices=(),
        meaning="host, port, user, password and database in one: postgresql://...",
        reloadable=False,
        secret=True,
        default="",
    ),
    Description(
        name="users_file",
        section="clients",
        key="users_file",
        unit="",
        minimum=0,
        maximum=1000,
        choices=(),
        meaning="file with more [users.NAME] tables; others must not be able to read it",
        reloadable=True,
        secret=False,
        default="",
    ),
    Description(
        name="auth_file",
        section="clients",
        key="auth_file",
        unit="",
        minimum=0,
        maximum=1000,
        choices=(),
        meaning="PgBouncer's userlist.txt with more users: passwords, SCRAM-SHA-256 verifiers or "
        "md5 hashes; others must not be able to read it",
        reloadable=True,
        secret=False,
        default="",
    ),
)
"""What a file may say that becomes part of other settings."""


@cache
def file_descriptions() -> tuple[Description, ...]:
    """Everything that may stand in `pglane.toml`, but for the tables [users.NAME]."""
    return descriptions() + FILE_ONLY

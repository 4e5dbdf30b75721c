"""What a SCRAM-SHA-256 verifier looks like in a file, as PostgreSQL keeps it in pg_authid."""

import re

_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_KEY_BASE64 = r"[A-Za-z0-9+/]{43}="
VERIFIER = re.compile(rf"SCRAM-SHA-256\$[1-9]\d{{0,8}}:{_BASE64}\${_KEY_BASE64}:{_KEY_BASE64}")

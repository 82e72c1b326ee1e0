"""How long a text of a call may be, by the schema of its version."""

from __future__ import annotations

from functools import lru_cache

from bench.codecs.ocpp_forms import form_of
from bench.codecs.ocpp_schemas import Half, schema_of
from bench.errors import BenchBug


@lru_cache(maxsize=64)
def max_length(version: str, action: str, *path: str) -> int:
    """Characters that the field at that path of a request holds; a field without a limit is our bug."""
    schema = schema_of(version, Half.REQUEST, action)
    field = None if schema is None else form_of(schema.document)
    for name in path:
        field = None if field is None else field.child(name)
    if field is None or field.limits.max_length is None:
        raise BenchBug(f"{action} of OCPP {version} has no limit at {'.'.join(path)}")
    return field.limits.max_length


def max_id_token(version: str) -> int:
    """Characters of a token: 20 on 1.6, 36 on 2.0.1, 255 on 2.1."""
    if version == "1.6":
        return max_length(version, "RemoteStartTransaction", "idTag")
    return max_length(version, "RequestStartTransaction", "idToken", "idToken")

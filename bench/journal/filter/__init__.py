"""The filter language of the message table, the command line and ``GET /bench/v1/messages``.

A filter is a list of terms; all must hold. ``and``, ``or``, ``not`` and brackets combine them (``not`` binds closest,
then ``and``). A term is one of::

    Authorize               a free word: in name, channel, summary or raw bytes, ignoring case
    "two words"             the same, quoted: never a keyword or a field
    malformed injected fault    a flag
    link:ocpp               a field, equal ignoring case; ``*`` stands for anything, commas for "one of"
    name=Authorize          the same without ``*`` and commas
    status!=Accepted        differs (holds only where the field exists; ``not status:Accepted`` holds elsewhere too)
    channel~CP              contains, ignoring case
    ms>500  seq<=100        numbers; ``after:12:03:12`` and ``before:2026-11-21T08:00Z`` are times
    data.status=accepted    a path inside the payload; ``.idTag`` where the name stands at the top; looks through lists

Fields: see :data:`bench.journal.filter.standard`, which later parts extend with :func:`register`.
"""

from bench.journal.filter.complete import complete
from bench.journal.filter.errors import FilterError
from bench.journal.filter.fields import FIELDS, Context, Field, Predicate, register
from bench.journal.filter.grammar import MAX_DEPTH, MAX_LENGTH, Filter, parse
from bench.journal.filter.standard import STANDARD

for _field in STANDARD:
    register(_field)

__all__ = [
    "FIELDS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "Context",
    "Field",
    "Filter",
    "FilterError",
    "Predicate",
    "complete",
    "parse",
    "register",
]

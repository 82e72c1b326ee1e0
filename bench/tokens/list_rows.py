"""The store and a station's list, entry by entry, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.collector import uncollected
from bench.exchange import MASK
from bench.list_view import Difference, ListRow
from bench.tokens.list_entries import Entry, Key, Wanted, uid_of
from bench.tokens.list_shadow import Shadow
from bench.tokens.model import IdTokenType

_KEY_CODE = IdTokenType.KEY_CODE.value
_SAME = Difference.SAME


def rows(shadow: Shadow, wanted: Wanted) -> list[ListRow]:
    """Every token of either, by value (ignoring case), then type."""
    held, entries = shadow.entries, wanted.entries
    gone = [key for key in held if key not in entries]
    # The store is in order: only what it lacks has to be put in its place.
    keys: Iterable[Key] = sorted([*entries, *sorted(gone)]) if gone or shadow.old else entries
    with uncollected():
        made = [_row(key, entries.get(key), held.get(key)) for key in keys]
    secret = wanted.secret | shadow.secret
    if secret:
        made = [row._replace(uid=MASK) if row.uid.casefold() in secret and _may_be_code(row) else row for row in made]
    if wanted.left_out:
        # Of a token that is left out the station may still hold an entry: that is a row of its own. A mask hides its place too.
        made += [
            ListRow(each.uid, each.id_token_type, None, None, Difference.LEFT_OUT, each.why) for each in wanted.left_out
        ]
        made.sort(key=lambda row: (row.uid.casefold(), row.id_token_type))
    return made


def _row(key: Key, wanted: Entry | None, held: Entry | None) -> ListRow:
    if wanted is None:
        assert held is not None
        return ListRow(uid_of(held), key[1], None, held, Difference.DELETE, "it is no longer for this list")
    if held is wanted or held == wanted:
        return ListRow(uid_of(wanted), key[1], wanted, held, _SAME, "")
    if held is None:
        return ListRow(uid_of(wanted), key[1], wanted, None, Difference.ADD, "")
    return ListRow(uid_of(wanted), key[1], wanted, held, Difference.UPDATE, _what_differs(wanted, held))


def _what_differs(wanted: Entry, held: Entry) -> str:
    """The members that differ, in words: ``status Accepted, was Blocked``."""
    new, old = _info(wanted), _info(held)
    changed = []
    for name in sorted({*new, *old}):
        if new.get(name) != old.get(name):
            changed.append(f"{name} {_shown(new.get(name))}, was {_shown(old.get(name))}")
    return "; ".join(changed) or "written otherwise"


def _info(entry: Entry) -> Mapping[str, object]:
    found = entry.get("idTokenInfo", entry.get("idTagInfo"))
    return found if isinstance(found, dict) else {}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("idToken", value.get("content"))
    return "none" if value is None else str(value)


def _may_be_code(row: ListRow) -> bool:
    return row.id_token_type in ("", _KEY_CODE)

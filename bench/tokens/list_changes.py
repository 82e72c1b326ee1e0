"""What a Differential must say so that one list becomes another (OCPP 2.0.1 D01.FR.16, FR.17; 1.6 section 5.15)."""

from __future__ import annotations

from collections.abc import Mapping

from bench.tokens.list_entries import Entry, Key


def changes(held: Mapping[Key, Entry], wanted: Mapping[Key, Entry]) -> list[Entry]:
    """Entries to delete, which carry the identifier and no info; then those to add or to update, whole.

    Deletions come first so that a list that is full has room for what is new. Where nothing of the list would be left after them,
    one addition goes before: between two messages the list must not be empty, for 1.6 then takes no Differential.
    """
    gone = [deletion(held[key]) for key in held.keys() - wanted.keys()] if held else []
    changed = []
    for key, entry in wanted.items():
        before = held.get(key)
        if before is not entry and before != entry:
            changed.append(entry)
    if gone and changed and len(gone) == len(held):
        return [changed[0], *gone, *changed[1:]]
    return gone + changed


def deletion(entry: Entry) -> Entry:
    """The entry of a Differential that deletes it: without idTokenInfo (1.6: idTagInfo)."""
    field = "idToken" if "idToken" in entry else "idTag"
    return {field: entry[field]}

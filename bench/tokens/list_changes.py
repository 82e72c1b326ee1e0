"""What a Differential must say so that one list becomes another (OCPP 2.0.1 D01.FR.16, FR.17; 1.6 section 5.15)."""

from __future__ import annotations

from bench.tokens.list_entries import Entry

Key = tuple[str, str]


def changes(held: list[Entry], wanted: list[Entry]) -> list[Entry]:
    """Entries to add or to update, whole, then entries to delete: those carry the identifier and no info."""
    before = {key_of(entry): entry for entry in held}
    after = {key_of(entry): entry for entry in wanted}
    changed = [entry for key, entry in after.items() if before.get(key) != entry]
    return changed + [deletion(entry) for key, entry in before.items() if key not in after]


def deletion(entry: Entry) -> Entry:
    """The entry of a Differential that deletes it: without idTokenInfo (1.6: idTagInfo)."""
    field = "idToken" if "idToken" in entry else "idTag"
    return {field: entry[field]}


def key_of(entry: Entry) -> Key:
    """Value and type (1.6: empty), ignoring case of the value: what makes two entries the same (C01.FR.25)."""
    token = entry.get("idToken")
    if isinstance(token, dict):
        return str(token["idToken"]).casefold(), str(token["type"])
    return str(entry["idTag"]).casefold(), ""

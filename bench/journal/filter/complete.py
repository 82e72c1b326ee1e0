"""What may stand where the cursor is."""

from __future__ import annotations

import re

from bench.journal.filter.fields import FIELDS

_OPEN_WORD = re.compile(r"[^\s()]*$")
_HALF = re.compile(r"([A-Za-z_]\w*)(!=|=|:|~)([\w.\-*]*)$")
KEYWORDS = ("and", "or", "not")


def complete(text: str, cursor: int) -> list[str]:
    """Whole terms that could replace the word before the cursor: fields as ``name:``, flags, keywords, then values.

    Nothing is offered inside quotes or for an empty word.
    """
    before = text[:cursor]
    if before.count('"') % 2:
        return []
    match = _OPEN_WORD.search(before)
    word = match[0] if match is not None else ""
    if not word:
        return []
    if (half := _HALF.fullmatch(word)) is not None:
        field = FIELDS.get(half[1].lower())
        typed = half[3].lower()
        values = () if field is None else field.candidates
        return [
            f"{half[1]}{half[2]}{value}" for value in values if value.lower().startswith(typed) and value != half[3]
        ]
    typed = word.lower()
    found = []
    for field in FIELDS.values():
        if not field.name.startswith(typed):
            continue
        if field.flag is not None:
            found.append(field.name)
        else:
            found.append(f"{field.name}:")
    found.extend(keyword for keyword in KEYWORDS if keyword.startswith(typed))
    return [candidate for candidate in found if candidate != word]

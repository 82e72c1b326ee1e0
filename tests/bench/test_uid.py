"""How token values are written."""

from __future__ import annotations

import pytest

from bench.uid import typed_uid, wire_uid


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("04:a2:b3:c4:d5:e6:80", "04A2B3C4D5E680"),
        ("04 A2 B3 C4", "04A2B3C4"),
        ("04-a2-b3-c4", "04A2B3C4"),
        (" 5237ab3b ", "5237AB3B"),
        ("8562ab54-58cb-44aa-a3da-faec44dd203e", "8562ab54-58cb-44aa-a3da-faec44dd203e"),
        ("04:a2-b3", "04:a2-b3"),
        ("GB-TWK-012345678-V", "GB-TWK-012345678-V"),
        ("4711", "4711"),
        ("abc", "abc"),
    ],
)
def test_what_is_typed(typed: str, kept: str) -> None:
    assert typed_uid(typed) == kept


def test_separators_on_a_wire_stay() -> None:
    assert wire_uid("04:a2:b3:c4") == "04:a2:b3:c4"
    assert wire_uid("04a2b3c4") == "04A2B3C4"

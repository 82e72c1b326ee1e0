"""The settings of readers that send a line for a card, whatever carries it: what the operator knows of those lines."""

from __future__ import annotations

from collections.abc import Mapping

from bench.card import Technology
from bench.serial_port import Option
from devices.rfid.line_pattern import finder
from devices.rfid.uid_text import AUTO, DECIMAL, HEX, LineRules

PRINTED, REVERSED = "printed", "reversed"
LENGTHS = ("3", "4", "5", "6", "7", "8", "10")

LINE_OPTIONS = (
    Option(
        "digits",
        "how the UID is printed; decimal takes 4 bytes unless length says otherwise",
        AUTO,
        (AUTO, HEX, DECIMAL),
    ),
    Option("order", "the bytes as printed, or the last one first", PRINTED, (PRINTED, REVERSED)),
    Option("prefix", "text before the UID, or a /pattern/ with one group; empty: the usual labels", ""),
    Option("technology", "what every card is", AUTO, (AUTO, *map(str, Technology))),
    Option("length", "bytes of every UID; another length is refused", AUTO, (AUTO, *LENGTHS)),
)


def line_rules(options: Mapping[str, str]) -> LineRules:
    """The rules that a value for each of :data:`LINE_OPTIONS` stands for.

    Raises:
        BadInput: the prefix is no usable pattern.
    """
    technology, length = options["technology"], options["length"]
    return LineRules(
        digits=options["digits"],
        backwards=options["order"] == REVERSED,
        find=finder(options["prefix"]),
        technology=None if technology == AUTO else Technology(technology),
        length=None if length == AUTO else int(length),
    )

"""Redaction on export: what names a person or opens a door is replaced by pseudonyms that keep equal things equal.

Replaced are the values of UIDs and id tokens, contract ids, key codes, PINs and passwords, found by the names under which
the payloads of a capture hold them, and from then on wherever they occur in it: in other payloads, summaries, faults,
notes, exchanges, and as bytes in the frames of readers, in either order; a UID with separators and as a decimal number too.
A pseudonym has the shape of its original: digits stay digits, hex stays hex of the same case, letters letters, separators
where they were.

What to know of a redacted export:

* Frames and ids keep their lengths, but checksums and check digits no longer fit what they guard.
* Values of fewer than four characters are replaced only in the messages that name them, and shorter than eight only as
  whole words: they would be found everywhere.
* Not found are values in another coding than hex, decimal and the escapes of JSON (Base64, say), and cut ones.
* A message that cannot be read, and names or holds such a value, has its bytes replaced by a note of their number.
* The pseudonyms of two exports differ unless both get the same key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import count
from urllib.parse import unquote

import orjson

from bench.journal.capture_file import ExchangeRow
from bench.masking import is_secret_name, secrets_of
from bench.message import Decoded, Fault, Link, Malformed, Message
from bench.tokens.model import IdTokenType

KINDS = "UIDs, id tokens, contract ids, key codes, PINs, passwords, tokens of OCPI"
"""What is replaced, for those who get a redacted file."""

ANYWHERE = 8
"""Characters from which a value with a digit in it is replaced inside longer runs too."""
WORD = 4
"""Characters from which a value is replaced outside the message that names it."""

_NAMES = frozenset(
    ("idtoken", "idtag", "additionalidtoken", "groupidtoken", "parentidtag", "groupid", "uid", "tokenuid", "rfid")
    + ("contractid", "emaid", "evcoid", "evccid", "vid", "visualnumber", "customeridentifier", "token")
)
_TOKEN_TYPES = frozenset(str(kind).lower() for kind in IdTokenType) | {"pin"}
_PLAIN = re.compile(r"[^a-z0-9]")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL)
# A run of letters is looked at once: from each of its letters on, 5 MB of them would hold up every other thread for seconds.
_NAMED = re.compile(r"(?<![A-Za-z_0-9])([A-Za-z_0-9]{2,}+)\W{0,3}\s*[:=]")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-][\d:]+)?")
# Hex bytes, one to four together, with something between: ``04:A2:B3``, ``04A2 B3C4``, ``0x04, 0xA2``, ``\x04\xa2``, ``%04%A2``.
_BETWEEN = r"(?:[:\-\s.,;_/|]{1,2}(?:0[xX])?|\\{1,2}x|%)"
_SPREAD = re.compile(
    rf"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{{2}}){{1,4}}(?:{_BETWEEN}(?:[0-9A-Fa-f]{{2}}){{1,4}})+(?![0-9A-Fa-f])"
)
_APART = re.compile(f"({_BETWEEN})")
_HEX = re.compile(r"[0-9a-f]+")
_HTTP = frozenset((Link.MAEVE, Link.OCPI))
_UID_IN_PATH = re.compile(rb"[A-Z]+ /[^?# ]*/token/([^?# ]{1,108})[?# ]")  # MaEVe API, lookupToken: 36 characters
_TOLD_UID = re.compile(r"\bUID[ :=]+([0-9A-Fa-f]{6,20})\b")
_PRINTED = re.compile(r"[0-9A-Fa-f]{5,20}")
_PRINTED_NAMES = frozenset(("card", "refused"))
_PREFIX = 4
_SHORT = 64
_LONGEST_NUMBER = 20
"""Hex digits of a value whose decimal form is looked for: no UID is longer."""
_TRIES = 100

Scalar = str | int


class Redactor:
    """Learns the values from everything that is to be exported, then replaces them.

    key: two exports with the same key have the same pseudonyms; None takes a random one.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else key
        self._known: set[str] = set()
        self._cores: set[str] = set()
        self._reversed: dict[str, str] = {}
        self._decimal: dict[str, str] = {}
        self._made: dict[str, str] = {}
        self._used: set[str] = set()
        self._finder: _Finder | None = None

    # Learning

    def learn(self, message: Message) -> None:
        """Take in the values that a message names."""
        head, body = _parted(message)
        for value in _values(_json(body)):
            self._learn(str(value))
        if (found := _UID_IN_PATH.match(head)) is not None:
            spelled = found[1].decode("latin-1")
            for value in {spelled, unquote(spelled)}:
                self._learn(value)
        if message.link is Link.READER:
            for text in _told(message):
                self._learn(text)

    def learn_exchange(self, exchange: Mapping[str, object]) -> None:
        """Take in the values that an exchange names."""
        for value in _values(exchange):
            self._learn(str(value))

    def _learn(self, value: str) -> None:
        core = _core(value)
        if len(core) < WORD:
            return
        for spelled in {value.lower(), core}:
            if spelled not in self._known:
                self._known.add(spelled)
                self._finder = None
        self._cores.add(core)
        if len(core) >= ANYWHERE and len(core) % 2 == 0 and _HEX.fullmatch(core):
            backwards = _backwards(core)
            if backwards not in self._known:
                self._reversed[backwards] = core
                self._known.add(backwards)
            for spelled in (core, backwards) if len(core) <= _LONGEST_NUMBER else ():
                number = str(int(spelled, 16))
                if len(number) >= ANYWHERE and number not in self._known:
                    self._decimal[number] = spelled
                    self._known.add(number)

    # Replacing

    def message(self, message: Message) -> Message:
        """The message without its values; what was decoded from its bytes is not kept."""
        head, body = _parted(message)
        tree = _json(body)
        local = set(_values(tree))
        raw = self._bytes(head) + self._raw(message, body, tree, local)
        decoded = message.decoded
        faults = tuple(
            Fault(self.text(fault.rule), self._sentence(fault.text, local), self.text(fault.where))
            for fault in decoded.faults
        )
        malformed = decoded.kind == "malformed" and faults
        left = Malformed(faults[0].text, faults[0].where) if malformed else None
        correlation = None if decoded.correlation is None else self.text(decoded.correlation)
        summary = self._sentence(decoded.summary, local)
        told = Decoded(self.text(decoded.kind), self.text(decoded.name), correlation, left, faults, summary)
        meta = self.tree(message.meta) if message.meta else message.meta
        return message._replace(channel=self.text(message.channel), raw=raw, decoded=told, meta=meta)

    def tree(self, tree: Mapping[str, object]) -> dict[str, object]:
        """An exchange or any other JSON object without its values."""
        written = orjson.dumps(dict(tree), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        replaced: dict[str, object] = orjson.loads(self._json_text(written, set(_values(tree))))
        return replaced

    def exchange_row(self, row: ExchangeRow) -> ExchangeRow:
        """The columns of an exchange without the values; its JSON is :meth:`tree`'s to do."""
        verdict, decided_by = (None if told is None else self.text(told) for told in (row.verdict, row.decided_by))
        return replace(row, verdict=verdict, decided_by=decided_by)

    def text(self, text: str) -> str:
        """Plain text without the values."""
        if len(text) < WORD or not self._known:
            return text
        return self._swap(_SPREAD.sub(self._spread, text))

    def pseudonym(self, value: str) -> str:
        """What stands for a value: the same for every spelling of it, in the spelling given."""
        core = _core(value)
        symbols = self._spelled(core)
        if not symbols:
            return value
        upper = value.upper() == value
        if value.isalnum() and len(symbols) == len(value) and (upper or value == core or _HEX.fullmatch(core)):
            return symbols.upper() if upper else symbols
        made, at = [], 0
        for character in value:
            if character.isalnum():
                symbol = symbols[at % len(symbols)]
                made.append(symbol.upper() if upper or character.isupper() and not _HEX.fullmatch(core) else symbol)
                at += 1
            else:
                made.append(character)
        return "".join(made)

    def _spelled(self, core: str) -> str:
        """The symbols for a value, in the order of its bytes, or for its number."""
        if (hexed := self._decimal.get(core)) is not None:
            number = str(int(self._spelled(hexed), 16))[-len(core) :]
            return number.rjust(len(core), "1")
        forwards = self._reversed.get(core)
        return self._symbols(core) if forwards is None else _backwards(self._symbols(forwards))

    def _symbols(self, core: str) -> str:
        """The lower-case letters and digits that stand for those of a value; no two values share them if it can be helped."""
        if (known := self._made.get(core)) is not None or not core:
            return known or ""
        for attempt in count():
            made = self._derive(core, attempt)
            if attempt == _TRIES or (made not in self._used and made not in self._cores and made not in self._known):
                break
        self._made[core] = made
        self._used.add(made)
        return made

    def _derive(self, core: str, attempt: int) -> str:
        seed = hmac.new(self._key, f"{attempt}:{core}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        stream = hashlib.shake_256(seed).digest(2 * len(core))
        numbers = [stream[at] * 256 + stream[at + 1] for at in range(0, len(stream), 2)]
        if core.isdecimal():
            # A number in JSON must not begin with 0.
            first = "0" if core[0] == "0" else str(1 + numbers[0] % 9)
            return first + "".join(str(number % 10) for number in numbers[1:])
        if _HEX.fullmatch(core):
            return "".join("0123456789abcdef"[number % 16] for number in numbers)
        return "".join(
            str(number % 10) if character.isdecimal() else chr(ord("a") + number % 26)
            for character, number in zip(core, numbers, strict=True)
        )

    # Raw bytes

    def _raw(self, message: Message, raw: bytes, tree: object, local: set[Scalar]) -> bytes:
        if not raw:
            return raw
        if tree is not None:
            return self._json_text(raw.decode(), local).encode()
        changed = self._bytes(raw)
        if message.link is Link.READER:
            hidden = message.decoded.kind == "malformed" and changed != raw
            if hidden or (changed == raw and any(_told(message))):
                return _note(raw)
            return changed
        if changed != raw or any(_is_sensitive(found[1]) for found in _NAMED.finditer(raw.decode("latin-1"))):
            return _note(raw)
        return raw

    def _bytes(self, raw: bytes) -> bytes:
        """Values as bytes (a UID in a frame) and as text."""
        hexed = raw.hex()
        swapped = self._swap(hexed, aligned=True)
        if swapped != hexed:
            raw = bytes.fromhex(swapped)
        return self.text(raw.decode("latin-1")).encode("latin-1", "replace")

    def _json_text(self, text: str, local: set[Scalar]) -> str:
        """JSON with its values replaced and everything else as it was written."""
        if not local and "\\" not in text and self.text(text) == text:
            return text

        seen: dict[str, str] = {}  # names and statuses come again and again

        def swap(match: re.Match[str]) -> str:
            token = match[0]
            if (new := seen.get(token)) is None:
                new = self._token(token, match[1], local)
                if len(token) <= _SHORT:
                    seen[token] = new
            return new

        return _TOKEN.sub(swap, text)

    def _token(self, token: str, colon: str | None, local: set[Scalar]) -> str:
        """A string or a number of JSON; with its colon where it is a name."""
        if token[0] != '"':
            number = int(token) if token.lstrip("-").isdigit() and len(token) < 1000 else None
            replaced = number in local or (len(token) >= ANYWHERE and token in self._known)
            return self.pseudonym(token) if number is not None and replaced else token
        colon = colon or ""
        written = token.removesuffix(colon)
        value = str(json.loads(written)) if "\\" in written else written[1:-1]
        if colon:
            new = self._swap(_SPREAD.sub(self._spread, value), words=False)
        elif value in local:
            new = self.pseudonym(value)
        else:
            new = value if _TIMESTAMP.fullmatch(value) else self.text(value)
        return token if new == value else json.dumps(new, ensure_ascii=not new.isprintable()) + colon

    # Text

    def _sentence(self, text: str, local: set[Scalar]) -> str:
        """A fault or a summary: what a message names itself is replaced in quotes however short."""
        for value in local:
            text = text.replace(f"'{value}'", f"'{self.pseudonym(str(value))}'")
        return self.text(text)

    def _spread(self, match: re.Match[str]) -> str:
        """Hex bytes with separators: as one value, and the separators where they were."""
        parts = _APART.split(match[0])
        compact = "".join(parts[::2])
        swapped = self._swap(compact, aligned=True)
        if swapped == compact:
            return match[0]
        at = 0
        for index in range(0, len(parts), 2):
            size = len(parts[index])
            parts[index] = swapped[at : at + size]
            at += size
        return "".join(parts)

    def _swap(self, text: str, *, aligned: bool = False, words: bool = True) -> str:
        """aligned: text is hex, and values begin at whole bytes. words: also values that count as whole words only."""
        if not self._known:
            return text
        if self._finder is None:
            self._finder = _Finder(self._known)
        parts, at = [], 0
        for start, end in self._finder.find(text):
            if start < at or (aligned and start % 2):
                continue
            core = _core(text[start:end])
            if len(core) < ANYWHERE or not any(map(str.isdigit, core)):
                before, after = text[start - 1 : start], text[end : end + 1]
                if not words or before.isalnum() or after.isalnum():
                    continue
            parts += [text[at:start], self.pseudonym(text[start:end])]
            at = end
        return "".join([*parts, text[at:]]) if parts else text


class _Finder:
    """Finds which of many values stand in a text: a pattern of their first characters, then a look at the rest."""

    def __init__(self, known: set[str]) -> None:
        self._known = known
        lengths: dict[str, set[int]] = {}
        for value in known:
            lengths.setdefault(value[:_PREFIX], set()).add(len(value))
        self._lengths = {prefix: sorted(found, reverse=True) for prefix, found in lengths.items()}
        self._pattern = re.compile(f"(?={_alternatives(sorted(lengths))})", re.IGNORECASE)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of each value, in order; of those that begin at one place the longest first."""
        for match in self._pattern.finditer(text):
            start = match.start()
            for length in self._lengths.get(text[start : start + _PREFIX].lower(), ()):
                if text[start : start + length].lower() in self._known:
                    yield start, start + length


def _alternatives(words: list[str]) -> str:
    """A pattern for one of many words, sorted and of one length, that looks at each character once."""
    if not words[0]:
        return ""
    tails: dict[str, list[str]] = {}
    for word in words:
        tails.setdefault(word[0], []).append(word[1:])
    return "(?:" + "|".join(re.escape(head) + _alternatives(rest) for head, rest in tails.items()) + ")"


# Values


def _values(tree: object) -> Iterator[Scalar]:
    """The scalars in JSON data that are to be replaced, however deep; JSON inside strings too."""
    if not isinstance(tree, dict | list):
        return
    settings = False
    waiting: list[tuple[object, bool]] = [(tree, False)]
    while waiting:
        value, sensitive = waiting.pop()
        if isinstance(value, dict):
            settings = settings or "key" in value or "variable" in value
            typed = "value" in value and str(value.get("type", "")).lower() in _TOKEN_TYPES
            for name, entry in value.items():
                named = _is_sensitive(name) or (typed and name == "value")
                # An idToken of OCPP 2.x is an object whose members have names of their own; all of a password is secret.
                waiting.append((entry, sensitive or (named and (type(entry) is not dict or is_secret_name(name)))))
        elif isinstance(value, list):
            waiting.extend([(entry, sensitive) for entry in value])
        elif type(value) is str:
            if sensitive and _core(value):
                yield value
            elif value[:1] in ("{", "["):
                waiting.append((_json(value.encode("utf-8", "replace")), False))
        elif sensitive and type(value) is int:
            yield value
    if settings:  # masking knows what is secret for what stands beside it: a setting that is a password
        yield from (value for value in secrets_of(tree) if not isinstance(value, float) and _core(str(value)))


def _told(message: Message) -> Iterator[str]:
    """UIDs that a reader's message tells of."""
    decoded = message.decoded
    for text in (decoded.summary, *(fault.text for fault in decoded.faults)):
        yield from (found[1] for found in _TOLD_UID.finditer(text))
    if decoded.kind == "line" and decoded.name in _PRINTED_NAMES:
        for printed in _PRINTED.finditer(message.raw.decode("latin-1")):
            if any(map(str.isdigit, printed[0])):
                yield printed[0]


def _is_sensitive(name: str) -> bool:
    return _is_known(name) if len(name) <= _SHORT else is_secret_name(name)


@lru_cache(maxsize=4096)
def _is_known(name: str) -> bool:
    return is_secret_name(name) or _PLAIN.sub("", name.lower()) in _NAMES


def _core(value: str) -> str:
    """What makes two spellings of a value equal: its letters and digits, ignoring case."""
    return value.lower() if value.isalnum() else "".join(filter(str.isalnum, value)).lower()


def _backwards(core: str) -> str:
    """Hex with its bytes in reverse order."""
    return "".join(core[at : at + 2] for at in range(len(core) - 2, -1, -2))


def _parted(message: Message) -> tuple[bytes, bytes]:
    """The head of a message of HTTP, with the blank line that ends it, and the body; of any other all is body."""
    if message.link not in _HTTP:
        return b"", message.raw
    head, blank, body = message.raw.partition(b"\r\n\r\n")
    return head + blank, body


def _json(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _note(raw: bytes) -> bytes:
    return b"(%d bytes left out: they hold a value that is redacted)" % len(raw)

"""``authbench journal``: captures shown, exported and imported without a window."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.errors import BadInput, NotFound

if TYPE_CHECKING:
    from bench.journal.capture_reader import CaptureReader
    from bench.journal.compare import ExchangePair
    from bench.journal.filter import Filter
    from bench.journal.pairs import Pair
    from bench.message import Message

_FILE = click.Path(path_type=Path)
# What a terminal would obey: escapes in a payload must not write the operator's screen.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def _quiet_pipe(command: Callable[..., int]) -> Callable[..., int]:
    """A reader that has seen enough (``| head``) is no error."""

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> int:
        try:
            code = command(*args, **values)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered would be written, and fail again, when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        return code

    return run


@click.group()
def journal() -> None:
    """Captures: show, export, import and compare them."""


@journal.command()
@click.argument("capture", type=_FILE)
@click.option("--filter", "filter_text", metavar="TEXT", help="Only these, in the filter language of the window.")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="N", help="Only messages numbered above N.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N messages.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as the control API tells it.")
@click.option("--exchange", type=click.IntRange(min=1), metavar="N", help="One exchange, hop by hop, and its messages.")
@click.option("--raw", is_flag=True, help="The bytes of each message below its line.")
@click.option("--stats", is_flag=True, help="What the capture holds, in numbers.")
@click.option("--reveal", is_flag=True, help="Show key codes, PINs and passwords.")
@_quiet_pipe
def show(
    capture: Path,
    filter_text: str | None,
    after: int,
    limit: int | None,
    as_json: bool,
    exchange: int | None,
    raw: bool,
    stats: bool,
    reveal: bool,
) -> int:
    """The messages of a capture, one a line."""
    from bench.journal.capture_reader import CaptureReader
    from bench.journal.walk import Messages

    filter_ = _parsed(filter_text)
    with CaptureReader(capture) as reader:
        if stats:
            _show_stats(reader, filter_, as_json)
            return 0
        wanted = None if exchange is None else _show_exchange(reader, exchange, as_json)
        last = None if wanted is None else max(wanted, default=0)
        start = after if not wanted else max(after, min(wanted) - 1)
        messages = Messages(reader, filter_, after=start, paired=not as_json)
        left = limit
        for message in messages:
            if left == 0 or (last is not None and message.seq > last):
                break
            if wanted is not None and message.seq not in wanted:
                continue
            if as_json:
                _say_json(message, messages.exchange_of(message.seq), reveal)
            else:
                _say_row(message, messages.pair_of(message.seq), raw, reveal)
            left = None if left is None else left - 1
        for gap in reader.gaps():
            click.echo(
                f"missing: {gap.count} {gap.what}, numbers {gap.first} to {gap.last}: {_clean(gap.why)}", err=True
            )
    return 0


@journal.command()
@click.argument("capture", type=_FILE)
@click.argument("file", type=_FILE)
@click.option("--format", "form", type=click.Choice(["lossless", "trace", "csv"]), help="Else by the file's name.")
@click.option("--filter", "filter_text", metavar="TEXT", help="Only these, in the filter language of the window.")
@click.option("--redact", is_flag=True, help="UIDs, ids, key codes, PINs and passwords become pseudonyms.")
@click.option("--force", is_flag=True, help="Replace the file.")
def export(capture: Path, file: Path, form: str | None, filter_text: str | None, redact: bool, force: bool) -> int:
    """Write a capture to a file: .jsonl (lossless), .trace.jsonl or .oot (Open OCPP Trace), .csv (rows).

    The pseudonyms of --redact keep equal things equal and have the shape of what they replace; checksums of frames that
    hold a replaced UID no longer fit. What cannot be read and may tell such a value is replaced by a note of its length.
    """
    from bench.journal.formats.convert import Form, export_capture

    report = export_capture(
        capture,
        file,
        Form(form) if form else None,
        filter=_parsed(filter_text),
        redact=redact,
        force=force,
        progress=_progress("messages"),
    )
    click.echo(f"{file} ({report.form}): {report}")
    return 0


@journal.command("import")
@click.argument("file", type=_FILE)
@click.argument("capture", type=_FILE)
@click.option(
    "--format", "form", type=click.Choice(["lossless", "trace", "csv", "plain"]), help="Else by the file's content."
)
@click.option(
    "--ocpp-version", type=click.Choice(["1.6", "2.0.1", "2.1"]), help="Of a plain log; else guessed from its calls."
)
def import_(file: Path, capture: Path, form: str | None, ocpp_version: str | None) -> int:
    """Make a new capture of a file: an export, a trace, rows, or a plain log of OCPP arrays one per line."""
    from bench.journal.formats.convert import Form, import_file

    report = import_file(
        file, capture, Form(form) if form else None, ocpp_version=ocpp_version, progress=_progress("bytes")
    )
    click.echo(f"{capture} (from {report.form}): {report}")
    return 0


@journal.command()
@click.argument("left", type=_FILE)
@click.argument("right", type=_FILE)
@click.option("--ids", is_flag=True, help="Ids and times too, which differ in any two captures.")
@_quiet_pipe
def compare(left: Path, right: Path, ids: bool) -> int:
    """Two captures tap by tap, then how often each kind of message occurs. Exit code 1 where they differ."""
    from bench.journal.capture_reader import CaptureReader
    from bench.journal.compare import State, compare_captures, tally

    alike = True
    with CaptureReader(left) as one, CaptureReader(right) as other:
        for pair in compare_captures(one, other):
            alike = alike and pair.state is State.SAME
            _say_pair(pair, ids)
        for kind in tally(one, other):
            if kind.left != kind.right:
                alike = False
                _say(f"{kind.left:8,} {kind.right:8,}  {kind.link} {kind.direction} {kind.kind} {kind.name}".rstrip())
    _say("nothing differs" if alike else "they differ")
    return 0 if alike else 1


def _say_pair(pair: ExchangePair, ids: bool) -> None:
    from bench.journal.compare import State

    entry = pair.left or pair.right or {}
    card = entry.get("card")
    uid = card.get("uid") if isinstance(card, dict) else None
    numbers = " | ".join("none" if side is None else f"#{side['id']}" for side in (pair.left, pair.right))
    _say(f"tap {uid or 'without a card'} ({numbers}): {pair.state}")
    for fact in pair.facts:
        _say(f"  {fact.path}: {fact.left} | {fact.right}")
    for row in pair.rows:
        told = [field for field in row.differences if ids or not field.volatile]
        if row.state is not State.SAME or told:
            name = next(message.decoded for message in (row.left, row.right) if message is not None)
            _say(f"  {row.state}: {name.kind} {name.name}".rstrip())
            for field in told:
                _say(f"    {field.path}: {field.left} | {field.right}")


def _parsed(text: str | None) -> Filter | None:
    from bench.journal.filter import FilterError, parse

    if not text:
        return None
    try:
        return parse(text)
    except FilterError as error:
        raise BadInput(f"the filter is wrong at character {error.position + 1}: {error.text}", "mend it") from error


def _progress(what: str) -> Callable[[int, int], None] | None:
    """On a terminal, so that a long work is seen to move; nowhere else."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, total: int) -> None:
        if done < total:
            click.echo(f"\r{done * 100 // max(total, 1)}% of {total} {what}", err=True, nl=False)
        else:
            click.echo("\r\x1b[K", err=True, nl=False)

    return tell


# Showing


def _say(line: str) -> None:
    """Through the buffer, for a million of them; what the terminal's encoding lacks becomes a question mark."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, "replace").decode(encoding) + "\n")


def _clean(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _say_row(message: Message, pair: Pair, raw: bool, reveal: bool) -> None:
    from bench.journal.formats.lines import rfc3339
    from bench.masking import hide, mask
    from bench.summary import summary

    decoded = message.decoded
    faults = "".join(f"  ! {fault.text if reveal else hide(fault.text, message)}" for fault in decoded.faults)
    took = "" if pair.answers is None or pair.ms is None else f"  {pair.ms:.1f} ms"
    flags = f"  ({', '.join(pair.flags)})" if pair.flags else ""
    where = f"{message.link} {message.direction:3} {message.channel}"
    told = f"{decoded.kind} {decoded.name}".strip()
    _say(
        _clean(
            f"{message.seq}  {rfc3339(message.utc_ns)}  {where}  {told}{took}  {summary(message)}{flags}{faults}"
        ).rstrip()
    )
    if raw and message.raw:
        _say(f"    {_clean((message.raw if reveal else mask(message).raw).decode('utf-8', 'backslashreplace'))}")


def _say_json(message: Message, exchange: int | None, reveal: bool) -> None:
    from bench.masking import message_json

    _say(_json(message_json(message, exchange=exchange, reveal=reveal)))


def _json(value: object) -> str:
    from bench.journal.capture_schema import to_json_text

    return to_json_text(value)


def _show_exchange(reader: CaptureReader, number: int, as_json: bool) -> set[int]:
    """One exchange, hop by hop; the numbers of its messages."""
    found = reader.exchanges(number - 1, 1)
    if not found or found[0].get("id") != number:
        raise NotFound(f"there is no exchange {number} in {reader.path}", "see: authbench journal show --stats")
    told = found[0]
    hops = [hop for hop in _list(told.get("hops")) if isinstance(hop, dict)]
    if as_json:
        _say(_json(told))
    else:
        card = told.get("card")
        shown = f"{card.get('uid')} {card.get('token_type')}" if isinstance(card, dict) else "no card"
        verdict = f"{told.get('verdict') or 'open'} by {told.get('decided_by') or 'nobody'}"
        _say(_clean(f"exchange {number}  {told.get('opened')}  {shown}  {verdict}  {told.get('total_ms')} ms"))
        for hop in hops:
            fault = f"  ! {hop.get('fault')}" if hop.get("fault") else ""
            which = "" if hop.get("seq") is None else f"  #{hop.get('seq')}"
            way = f"{hop.get('from')} -> {hop.get('to')}"
            _say(_clean(f"  +{hop.get('delta_ms')} ms  {way}  {hop.get('name')}{which}{fault}"))
        for finding in _list(told.get("findings")):
            if isinstance(finding, dict):
                _say(_clean(f"  {finding.get('severity')}: {finding.get('text')}"))
    return {seq for hop in hops if isinstance(seq := hop.get("seq"), int)}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _show_stats(reader: CaptureReader, filter_: Filter | None, as_json: bool) -> None:
    from bench.journal.formats.lines import rfc3339
    from bench.journal.walk import Messages, exchanges_of

    messages = Messages(reader, filter_, bodies=False)
    kinds: Counter[str] = Counter()
    total = size = malformed = faulty = injected = 0
    first: Message | None = None
    last: Message | None = None
    for message in messages:
        decoded = message.decoded
        kinds[f"{message.link} {message.direction} {decoded.kind} {decoded.name}".strip()] += 1
        total += 1
        size += len(message.raw)
        malformed += decoded.kind == "malformed"
        faulty += bool(decoded.faults)
        injected += message.injected
        first = message if first is None else first
        last = message
    verdicts = Counter(str(exchange.get("verdict") or "open") for exchange in exchanges_of(reader))
    gaps = reader.gaps()
    told: dict[str, object] = {
        "messages": total,
        "bytes": size,
        "first": rfc3339(first.utc_ns) if first else None,
        "last": rfc3339(last.utc_ns) if last else None,
        "malformed": malformed,
        "faulty": faulty,
        "injected": injected,
        "exchanges": dict(verdicts.most_common()),
        "stations": reader.stations(),
        "notes": len(reader.notes()),
        "missing": sum(gap.count for gap in gaps if gap.what == "messages"),
        "kinds": dict(kinds.most_common(100)),
    }
    if as_json:
        _say(_json(told))
        return
    for name, value in told.items():
        if isinstance(value, dict):
            _say(f"{name:10} {sum(value.values()) if name in ('exchanges', 'kinds') else len(value)}")
            for entry, count in value.items():
                _say(_clean(f"  {count:>8} {entry}"))
        else:
            _say(f"{name:10} {'-' if value is None else value}")

"""A station's local list in plain words: facts, what a push would send, how one went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.answers import ChunkReport, PushReport
from bench.list_view import Difference, ListView, Plan, Progress
from ui.models.local_list import SIGNS
from ui.models.texts import TextRow
from ui.widgets import Badge

Counts = Mapping[Difference, int]

CHUNK_HEADERS = ("Message", "Type", "Entries", "Bytes", "Sent as", "Answer", "Read back", "Outcome")
CHUNK_SAMPLES = ("9,999", "Differential", "10,000", "9,999,999", "v2147483647", "VersionMismatch", "v2147483647", "")
RUNNING = Badge("PUSHING", "wait", "info")
ASKING = Badge("ASKING", "wait", "info")
FAILED = Badge("FAILED", "cross", "fail")
OK = Badge("OK", "check", "ok")
_PUSHED = Badge("PUSHED", "check", "ok")
_PARTLY = Badge("PUSHED, SOME LEFT OUT", "warning", "warn")
_IN_STEP = Badge("IN STEP", "check", "ok")
_DIFFERS = Badge("DIFFERS", "warning", "warn")
_UNKNOWN = Badge("UNKNOWN", "warning", "warn")
_CANCELLED = Badge("CANCELLED", "ban", "warn")
_NONE = Badge("NO LIST", "ban", "fail")
_STUCK = Badge("DID NOT MOVE", "cross", "fail")
_NO_ANSWER = Badge("NO ANSWER", "cross", "fail")
_UNREAD = Badge("NOT READ BACK", "cross", "fail")
_ELSEWHERE = Badge("OTHER VERSION", "cross", "fail")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How things stand, or what came of something: a word with sign and colour, versions where there are some, a sentence."""

    badge: Badge
    text: str
    versions: str = ""


def version_word(version: int | None) -> str:
    """``v7``; ``v?`` where it was never asked for, ``none`` where lists are not supported."""
    return "v?" if version is None else "none" if version < 0 else f"v{version}"


def facts(view: ListView, counts: Counts) -> str:
    """What is known of the list in one line: versions, capacity, limits of a message, whether it is on. counts: of the view."""
    held = counts[Difference.SAME] + counts[Difference.UPDATE] + counts[Difference.DELETE]
    wanted = counts[Difference.SAME] + counts[Difference.UPDATE] + counts[Difference.ADD]
    parts = [f"OCPP {view.version}"]
    if view.list_version is not None and view.list_version < 0:
        return " · ".join((*parts, "no local list"))
    parts.append("version not asked" if view.list_version is None else f"list {version_word(view.list_version)}")
    if view.shadow_version is not None:
        parts[-1] += f", expected {version_word(view.shadow_version)}"
    limits = view.limits
    if limits.capacity is not None:
        use = f"holds {held:,}" if view.known else f"to hold {wanted:,}"
        parts.append(f"{use} of {limits.capacity:,} entries")
    else:
        parts.append(f"holds {_counted(held, 'entry')}" if view.known else f"to hold {_counted(wanted, 'entry')}")
    if not view.known:
        parts[-1] += ", what it holds now is unknown"
    sizes = []
    if limits.items_per_message is not None:
        sizes.append(_counted(limits.items_per_message, "entry"))
    if limits.bytes_per_message is not None:
        sizes.append(_counted(limits.bytes_per_message, "byte"))
    parts.append(f"{' and '.join(sizes)} a message" if sizes else "limits not known yet")
    if limits.enabled is not None:
        parts.append("enabled" if limits.enabled else "⚠ switched off")
    return " · ".join(parts)


def counts_text(counts: Counts) -> str:
    """``3 add · 1 update · 0 delete · 2 left out · 120 same``."""
    return " · ".join(f"{counts[difference]:,} {sign.word}" for difference, sign in SIGNS.items())


def plan_text(plan: Plan) -> str:
    """What *Reconcile* would send now."""
    if not plan.ok:
        return f"Reconcile cannot send it: {plan.why}"
    if not plan.kind:
        return f"Reconcile has nothing to send: {plan.why}"
    sent = f"{plan.kind}, {_counted(plan.entries, 'entry')} in {_counted(plan.parts, 'message')}"
    why = f", because {plan.why}" if plan.kind == "Full" and plan.why else ""
    return f"Reconcile sends: {sent}, {_counted(plan.bytes, 'byte')}{why}"


def progress_text(progress: Progress) -> str:
    """``message 2 of 5 · 100 of 250 entries``."""
    if not progress.part:
        return "asking for version and limits"
    entries = f"{progress.entries_done:,} of {_counted(progress.entries_total, 'entry')}"
    return f"message {progress.part:,} of {progress.parts:,} · {entries} accepted"


def standing(view: ListView, counts: Counts) -> Verdict:
    """How store and station stand to each other, before anything was asked."""
    if view.list_version is not None and view.list_version < 0:
        return Verdict(_NONE, f"{view.station} says that it supports no local list.")
    if not view.known:
        return Verdict(_UNKNOWN, f"What {view.station} holds is unknown: {view.why_unknown}.")
    differing = counts[Difference.ADD] + counts[Difference.UPDATE] + counts[Difference.DELETE]
    if differing:
        verb = "differs" if differing == 1 else "differ"
        return Verdict(_DIFFERS, f"{_counted(differing, 'entry')} {verb} between the store and {view.station}.")
    return Verdict(_IN_STEP, f"{view.station} holds what the store says.")


def outdated(verdict: Verdict, view: ListView, counts: Counts) -> bool:
    """Whether more is known since: a list that was pushed differs again, for the store was changed, or one whose push found no
    answer was taken after all, as the station's version tells."""
    now = standing(view, counts).badge
    if verdict.badge == _NO_ANSWER:
        return now == _IN_STEP and view.connected and view.list_version == view.shadow_version
    return verdict.badge in (_PUSHED, _PARTLY) and now == _DIFFERS


def outcome(report: PushReport) -> Verdict:
    """What came of a push."""
    moved = ""
    if report.version_before is not None and report.version_read is not None:
        moved = f"{version_word(report.version_before)} → {version_word(report.version_read)}"
    if report.denied:
        stuck = report.version_read == report.version_before
        return Verdict(_STUCK if stuck else _ELSEWHERE, sentence(report.text), moved)
    if report.ok:
        return Verdict(_PARTLY if report.left_out else _PUSHED if report.sent else OK, sentence(report.text), moved)
    if report.status == "Accepted":
        return Verdict(_UNREAD, sentence(report.text), moved)
    badge = _CANCELLED if report.status == "Cancelled" else Badge(spaced(report.status), "cross", "fail")
    return Verdict(badge, sentence(report.text), moved)


def chunk_rows(report: PushReport | None) -> list[TextRow]:
    """The messages of a push under :data:`CHUNK_HEADERS`; those that the station did not take stand out."""
    return [] if report is None else [_chunk_row(chunk, report) for chunk in report.chunks]


def _chunk_row(chunk: ChunkReport, report: PushReport) -> TextRow:
    # Of a push that went well even version 0 is right: a 1.6 station tells it of a list that became empty.
    taken = report.ok or (chunk.status == "Accepted" and chunk.version_read == chunk.version_sent)
    texts = (
        f"{chunk.part:,}",
        chunk.update_type,
        f"{chunk.entries:,}",
        f"{chunk.bytes:,}",
        f"v{chunk.version_sent}",
        chunk.status,
        "not read" if chunk.version_read is None else version_word(chunk.version_read),
        "✔ taken" if taken else "✖ not taken",
    )
    return TextRow(chunk, texts, None if taken else "fail")


def offer_text(view: ListView) -> str:
    """Why a push is offered, where it is."""
    if not view.offer:
        return ""
    version = f" with version {view.list_version}" if view.list_version is not None and view.list_version >= 0 else ""
    return f"{view.station} is back{version}: {view.offer}."


def versions_text(view: ListView) -> str:
    """What the station says beside what it should have: ``v7 = v7``; progress while a list is pushed."""
    if view.progress is not None:
        return f"pushing {view.progress.part} of {view.progress.parts}" if view.progress.part else "pushing"
    if view.list_version is None:
        return "not asked"
    if view.list_version < 0:
        return "not supported"
    if not view.known or view.shadow_version is None:
        return f"{version_word(view.list_version)} · unknown"
    sign = "=" if view.list_version == view.shadow_version else "≠"
    return f"{version_word(view.list_version)} {sign} {version_word(view.shadow_version)}"


def spaced(word: str) -> str:
    """``VersionMismatch`` -> ``VERSION MISMATCH``."""
    return "".join(f" {c}" if c.isupper() and n else c for n, c in enumerate(word)).upper()


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _counted(count: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"

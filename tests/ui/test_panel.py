"""What every panel shares: actions started from slots."""

from __future__ import annotations

import warnings

from bench.errors import BadInput
from bench.tasks import Tasks
from ui.panels.base import Panel


async def refuse():
    raise BadInput("that cannot be", "mend it")


def make(qtbot, stub, tasks):
    panel = Panel()
    qtbot.addWidget(panel)
    told = []
    panel.notice.connect(lambda severity, text: told.append((severity, text)))
    if tasks is not None:
        panel.attach(stub, tasks)
    return panel, told


async def test_what_the_operator_can_mend_becomes_a_notice(qtbot, stub):
    tasks = Tasks()
    panel, told = make(qtbot, stub, tasks)
    panel.run(refuse(), name="refused")
    while len(tasks):
        await next(iter(tasks._tasks))
    assert told == [("fail", "that cannot be; mend it")]


async def test_an_action_cancelled_before_it_began_leaves_nothing(qtbot, stub):
    tasks = Tasks()
    panel, told = make(qtbot, stub, tasks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel.run(refuse(), name="never begun")
        await tasks.cancel()
    assert told == []


def test_nothing_starts_before_there_is_a_bench(qtbot, stub):
    panel, told = make(qtbot, stub, None)
    panel.run(refuse(), name="too early")
    assert told == [("warn", "The bench is not running yet.")]

"""The contract of the window's loop: order, deadlines, nothing left behind, nested Qt loops, failures told."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading

import pytest
from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication, QDialog

from ui.dialogs import finished
from ui.loop import BenchLoop, make_loop

pytestmark = pytest.mark.gui


def the_loop() -> BenchLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, BenchLoop)
    return loop


async def test_runs_on_the_one_application_that_stays_when_windows_close():
    assert the_loop() is not None
    assert QApplication.quitOnLastWindowClosed() is False


async def test_nothing_runs_early():
    loop = the_loop()
    early = []
    done = asyncio.Event()
    left = 60

    def check(when: float) -> None:
        nonlocal left
        if loop.time() < when:
            early.append(when - loop.time())
        left -= 1
        if not left:
            done.set()

    for n in range(60):
        when = loop.time() + 0.0037 * n + 0.0001
        loop.call_at(when, check, when)
    async with asyncio.timeout(5):
        await done.wait()
    assert early == []


async def test_a_sleep_lasts_at_least_its_time_and_hardly_longer():
    loop = the_loop()
    for delay in (0.001, 0.0155, 0.05):
        begun = loop.time()
        await asyncio.sleep(delay)
        assert delay <= loop.time() - begun < delay + 0.5


async def test_first_in_first_out():
    seen: list[int] = []
    loop = the_loop()
    for n in range(5000):
        loop.call_soon(seen.append, n)
    barrier = asyncio.Event()
    loop.call_soon(barrier.set)
    await barrier.wait()
    assert seen == list(range(5000))


async def test_equal_deadlines_keep_their_order():
    loop = the_loop()
    when = loop.time() + 0.005
    seen: list[int] = []
    for n in range(200):
        loop.call_at(when, seen.append, n)
    done = asyncio.Event()
    loop.call_at(when, done.set)
    await done.wait()
    assert seen == list(range(200))


async def test_finished_timeouts_leave_nothing_behind():
    loop = the_loop()
    for _ in range(20_000):
        async with asyncio.timeout(30):  # noqa: ASYNC100 - what it leaves behind is the point
            pass
    assert len(loop._due) < 300
    assert loop._timer._SimpleTimer__callbacks == {}, "qasync's own timers are not used at all"


async def test_a_cancelled_callback_does_not_run():
    loop = the_loop()
    seen: list[str] = []
    loop.call_soon(seen.append, "soon").cancel()
    loop.call_later(0.001, seen.append, "later").cancel()
    loop.call_later(0.003, seen.append, "kept")
    await asyncio.sleep(0.02)
    assert seen == ["kept"]


async def test_threads_hand_over_in_order_and_wake_the_loop():
    loop = the_loop()
    seen: list[int] = []
    done = asyncio.Event()

    def work() -> None:
        for n in range(3000):
            loop.call_soon_threadsafe(seen.append, n)
        loop.call_soon_threadsafe(done.set)

    thread = threading.Thread(target=work)
    thread.start()
    async with asyncio.timeout(10):
        await done.wait()
    thread.join()
    assert seen == list(range(3000))


async def test_several_threads_lose_nothing():
    loop = the_loop()
    count = 0
    done = asyncio.Event()

    def one() -> None:
        nonlocal count
        count += 1
        if count == 4000:
            done.set()

    threads = [threading.Thread(target=lambda: [loop.call_soon_threadsafe(one) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(10):
        await done.wait()
    for thread in threads:
        thread.join()
    assert count == 4000


async def test_threadsafe_calls_keep_their_context():
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")
    context = contextvars.copy_context()
    context.run(word.set, "from the thread")
    seen: asyncio.Future[str] = the_loop().create_future()
    the_loop().call_soon_threadsafe(lambda: seen.set_result(word.get()), context=context)
    assert await seen == "from the thread"


async def test_a_dialog_opened_without_blocking_leaves_other_tasks_turning(qtbot):
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.002)
            ticks += 1

    ticker = the_loop().create_task(tick())
    dialog = QDialog()
    qtbot.addWidget(dialog)
    the_loop().call_later(0.06, dialog.accept)
    assert await finished(dialog) == QDialog.DialogCode.Accepted
    ticker.cancel()
    assert ticks >= 5


async def test_plain_callbacks_run_inside_a_nested_qt_loop():
    nested = QEventLoop()
    seen: list[str] = []

    def open_nested() -> None:
        the_loop().call_soon(seen.append, "soon")
        the_loop().call_later(0.005, seen.append, "later")
        the_loop().call_later(0.01, nested.quit)
        QTimer.singleShot(5000, nested, nested.quit)
        nested.exec()
        seen.append("closed")

    done = asyncio.Event()
    the_loop().call_soon(open_nested)
    the_loop().call_later(0.02, done.set)
    await done.wait()
    assert seen == ["soon", "later", "closed"]


async def test_a_flood_of_callbacks_lets_qt_have_its_turn():
    """Callbacks that beget callbacks without end do not starve Qt's own timers."""
    loop = the_loop()
    turns = 0
    holder = QObject()
    timer = QTimer(holder)

    def count() -> None:
        nonlocal turns
        turns += 1

    timer.timeout.connect(count)
    timer.start(1)
    ends = loop.time() + 0.1

    def again() -> None:
        if loop.time() < ends:
            loop.call_soon(again)

    loop.call_soon(again)
    while loop.time() < ends:  # noqa: ASYNC110 - the flood is the point
        await asyncio.sleep(0)
    timer.stop()
    assert turns >= 3


async def test_a_failing_callback_reaches_the_handler_and_the_rest_goes_on():
    loop = the_loop()
    told: list[BaseException] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    seen: list[str] = []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(seen.append, "after")
    await asyncio.sleep(0.005)
    loop.set_exception_handler(None)
    assert [type(error) for error in told] == [ZeroDivisionError]
    assert seen == ["after"]


async def test_work_in_a_thread_comes_back():
    name = await asyncio.to_thread(lambda: threading.current_thread().name)
    assert name.startswith("asyncio_window")


async def test_streams_work_over_the_loop():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"04A2B3C4D5E680\n")
        async with asyncio.timeout(5):
            assert await reader.readline() == b"04A2B3C4D5E680\n"
        writer.close()
        await writer.wait_closed()


@pytest.mark.skipif(sys.platform == "win32", reason="signal handlers of asyncio are POSIX only")
async def test_signals_reach_their_handler():
    caught = asyncio.Event()
    loop = the_loop()
    loop.add_signal_handler(signal.SIGUSR1, caught.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    async with asyncio.timeout(5):
        await caught.wait()
    loop.remove_signal_handler(signal.SIGUSR1)


async def test_refuses_what_is_no_callback():
    with pytest.raises(TypeError, match="callable"):
        the_loop().call_soon(asyncio.sleep, 1)
    with pytest.raises(TypeError, match="callable"):
        the_loop().call_later(0.1, None)


def test_an_exit_leaves_through_run_forever(qapp):
    loop = make_loop()

    def leave() -> None:
        raise SystemExit(3)

    loop.call_soon(leave)
    with pytest.raises(SystemExit):
        loop.run_forever()
    loop.close()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)


def test_what_is_left_over_waits_for_the_next_run(qapp):
    """A stopped loop runs nothing, even while Qt's own loop turns; run again, it goes on."""
    loop = make_loop()
    seen: list[str] = []
    loop.call_soon(loop.stop)
    loop.call_soon(seen.append, "next run")
    loop.run_forever()
    QApplication.processEvents()
    assert seen == []
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == ["next run"]
    loop.close()

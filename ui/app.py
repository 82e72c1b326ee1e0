"""The window's composition root: paints first, then imports the engine, then starts the bench.

The only module of the window that may reach devices and fixtures, and it does so through :mod:`bench.assembly`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bench.errors import BadInput, OperatorError
from ui.platform import require_qt

if TYPE_CHECKING:
    import asyncio

    from bench.assembly import Bench, Options
    from bench.certificate_set import CertificateFiles, CertificatesWanted
    from bench.recording import Recording
    from bench.session import Session
    from bench.tasks import Tasks
    from devices.rfid.window_wedge import WindowWedge
    from fixtures.demo import Demo
    from ui.wedge import WedgeFilter
    from ui.window import MainWindow

Milestone = Callable[[str], bool | None]
SETTLE_MS = 400


def run_window(
    profile_file: Path | None, *, demo: bool = False, capture: Path | None = None, milestone: Milestone | None = None
) -> int:
    """The window with a profile, the demo, a capture to look at, or the three doors of a first start.

    milestone is called with ``painted`` and ``ready``; True from it ends the program (benchmarks).
    """
    return Application(profile_file, demo=demo, capture=capture, milestone=milestone).run()


def run_demo(demo: Demo, *, screenshot: Path | None = None, theme: str | None = None, size: str = "1440x900") -> int:
    """The demo in the window; with ``screenshot`` it plays, saves the picture and ends."""
    if screenshot is not None and not _display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return Application(None, demo_made=demo, screenshot=screenshot, theme=theme, size=parse_size(size)).run()


def parse_size(text: str) -> tuple[int, int]:
    """``1440x900``."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and 320 <= int(width) <= 7680 and 240 <= int(height) <= 4320):
        raise BadInput(f"{text} is not a window size", "write for example 1280x800")
    return int(width), int(height)


def check_window() -> str:
    """For the self-test: Qt starts here and the theme loads.

    Raises:
        OperatorError: a system library is missing.
    """
    if not _display():
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    require_qt()
    from ui.window import make_window

    app, window = make_window(remember=False)
    window.release()
    window.deleteLater()
    return f"Qt on {app.platformName()}, the window can be made"


class Application:
    """One run of the window program."""

    def __init__(
        self,
        profile_file: Path | None,
        *,
        demo: bool = False,
        capture: Path | None = None,
        demo_made: Demo | None = None,
        screenshot: Path | None = None,
        theme: str | None = None,
        size: tuple[int, int] | None = None,
        milestone: Milestone | None = None,
    ) -> None:
        self._profile_file = profile_file
        self._demo_wanted = demo
        self._capture_file = capture
        self._recording: Recording | None = None
        self._demo_made = demo_made
        self._screenshot = screenshot
        self._theme = theme
        self._size = size
        self._milestone = milestone or (lambda name: None)
        self._tasks: Tasks
        self._bench: Bench | None = None
        self._demo: Demo | None = None
        self._fault: str | None = None
        self._wedge: WedgeFilter | None = None
        self._typist: WindowWedge | None = None  # the reader whose cards its keys are
        self._unwatch: Callable[[], None] = lambda: None
        self.window: MainWindow

    def run(self) -> int:
        """Paint, start, serve the window until it is closed; the exit code."""
        require_qt()
        from PySide6.QtCore import qInstallMessageHandler

        from ui.window import make_window

        qInstallMessageHandler(_qt_message)
        self._app, self.window = make_window(
            theme=self._theme, size=self._size, remember=self._screenshot is None, exit_request=self._exit_requested
        )
        self._exit = False
        self.window.show()
        self._app.processEvents()
        if self._milestone("painted"):
            return 0
        # Everything heavy is imported from here on: the window is already on the screen.
        import asyncio

        from ui.loop import make_loop

        loop = make_loop()
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(self._loop_fault)
        hook, sys.excepthook = sys.excepthook, self._slot_fault
        try:
            code = loop.run_until_complete(self._main())
        finally:
            sys.excepthook = hook
            asyncio.set_event_loop(None)
            loop.close()
        if self._fault is not None:
            from bench.cli import report_bug

            return report_bug(self._fault)
        return code

    # Life

    async def _main(self) -> int:
        import asyncio

        from bench.cli import stop_event
        from bench.tasks import Tasks

        self._stopping = stop_event()
        self._tasks = Tasks()
        self._starting = asyncio.Lock()
        if self._exit:
            self._stopping.set()
        self.window.demo_requested.connect(lambda: self._start_later(self._start_demo()))
        self.window.connect_requested.connect(lambda: self._start_later(self._start_bench(connect=True)))
        self.window.capture_requested.connect(lambda file: self._start_later(self._open_capture(file)))
        self.window.listen_requested.connect(lambda where: self._start_later(self._listen(where)))
        self.window.workspace.use(self._tasks)
        self.window.workspace.certificates.make = _make_certificates
        self.window.workspace.certificates.use = self._use_certificates
        code = 0
        try:
            try:
                await self._begin()
                if self._milestone("ready"):
                    return 0
                if self._screenshot is not None:
                    return await self._picture(self._screenshot)
            except OperatorError as error:
                if self._screenshot is not None or self._profile_file is not None or self._capture_file is not None:
                    raise
                self.window.show_notice("fail", str(error))
            await self._stopping.wait()
        finally:
            await self._tasks.cancel()
            await self._end_bench()
            self.window.release()
        return code

    async def _begin(self) -> None:
        if self._demo_made is not None or self._demo_wanted:
            await self._start_demo()
        elif self._capture_file is not None:
            await self._open_capture(str(self._capture_file))
        elif self._profile_file is not None or self.window.last_profile() is not None:
            await self._start_bench(connect=False)
        else:
            self.window.show_doors()

    async def _start_demo(self) -> None:
        from fixtures.demo import SITUATIONS, Demo

        await self._end_bench()
        demo = self._demo_made or Demo(self._demo_options(), "pn532", tuple(SITUATIONS))
        await demo.__aenter__()
        self._demo, self._bench = demo, demo.bench
        self.window.attach(demo.session, self._tasks)
        self._watch_keys(demo.session)
        if self._milestone.__name__ != "<lambda>" or self._screenshot is not None:
            return
        self._tasks.spawn(self._play(demo), name="demo")

    async def _start_bench(self, *, connect: bool) -> None:
        from bench.assembly import Bench

        await self._end_bench()
        bench = Bench(self._bench_options())
        await bench.start()
        self._bench = bench
        self.window.attach(bench.session, self._tasks)
        self._watch_keys(bench.session)
        if self._profile_file is not None:
            self.window.remember_profile(self._profile_file)
        if bench.api is not None and bench.api.token_generated:
            print(f"API token (shown once): {bench.api.token}", file=sys.stderr)  # noqa: T201 - told once, kept nowhere
        if connect:
            self.window.show_connect()

    def _watch_keys(self, session: Session) -> None:
        """While the bench has a reader ``keyboard_wedge:window``, fast keys in the window become its cards."""
        from bench.change import Change

        def look(change: Change, key: object) -> None:
            if change is Change.LINK:
                self._follow_keys(session)

        self._unwatch = session.subscribe(look)
        self._follow_keys(session)

    def _follow_keys(self, session: Session) -> None:
        from devices.rfid.window_wedge import WindowWedge
        from ui.wedge import WedgeFilter

        reader = next((each for each in session.readers if isinstance(each, WindowWedge)), None)
        if reader is self._typist:
            return
        self._ignore_keys()
        if reader is not None:
            self._typist = reader
            self._wedge = WedgeFilter(self._app, reader.typed)
            self._wedge.start()
            reader.window_opened()

    def _ignore_keys(self) -> None:
        wedge, self._wedge, self._typist = self._wedge, None, None
        if wedge is not None:
            wedge.stop()

    async def _open_capture(self, file: str) -> None:
        """Show a capture in place of whatever runs; without a name it is asked for."""
        import asyncio

        from bench.recording import Recording
        from devices.rfid.drivers import all_drivers
        from ui.dialogs import ask_open_path
        from ui.transfer import importable

        chosen = file or await ask_open_path(self.window, "Open a capture", "Captures (*.db);;All files (*)")
        if not chosen:
            return
        if not file and importable(Path(chosen)):
            self.window.workspace.transfers.import_file(chosen)
            return
        all_drivers()  # each says what the bytes of its messages mean
        recording = await asyncio.to_thread(Recording, Path(chosen))
        await self._end_bench()
        self._recording = recording
        self.window.attach(recording, self._tasks)  # type: ignore[arg-type]

    async def _listen(self, address: str) -> None:
        """Move the OCPP listener to an address of the charger's network; a bench is started where none runs."""
        if self._bench is None:
            await self._start_bench(connect=False)
        assert self._bench is not None
        await self._bench.listen_on(address)
        self.window.show_notice("ok", f"stations can now connect to {address}")

    async def _end_bench(self) -> None:
        demo, self._demo = self._demo, None
        bench, self._bench = self._bench, None
        recording, self._recording = self._recording, None
        self._unwatch()
        self._unwatch = lambda: None
        self._ignore_keys()
        if recording is not None:
            recording.close()
        if demo is not None:
            await demo.__aexit__()
        elif bench is not None:
            await bench.stop()

    async def _play(self, demo: Demo) -> None:
        try:
            async for _, good in demo.play(self._stopping):
                if not good:
                    self.window.show_notice(
                        "warn", "a tap of the demo did not come out as expected; look at its exchange"
                    )
        except OperatorError as error:
            self.window.show_notice("fail", str(error))

    async def _picture(self, file: Path) -> int:
        import asyncio

        from bench.exchange import Party

        assert self._demo is not None
        good = True
        async for _, came_out in self._demo.play(self._stopping):
            good = good and came_out
        first = next(iter(self._demo.session.exchanges.values()))
        self.window.select_exchange(first.id)
        self.window.messages.show_exchange(first.id)
        self.window.select_message(
            next(hop.seq for hop in first.hops if hop.to in (Party.JOSEV, Party.CSMS) and hop.seq)
        )
        await asyncio.sleep(SETTLE_MS / 1000)  # two flushes of the window: what is on screen is what was played
        file.parent.mkdir(parents=True, exist_ok=True)
        self.window.grab_png(file)
        return 0 if good else 1

    def _use_certificates(self, files: CertificateFiles, level: int) -> str:
        """Set them in the profile of this run, or in one beside them where there is none; what was done, in words."""
        from bench.certificate_set import use_in_profile

        before = self._profile_file or self.window.last_profile()
        file = before or files.ca.parent / "profile.toml"
        try:
            profile = use_in_profile(file, files, level)
        except OSError as error:
            raise OperatorError(f"cannot write {file}: {error.strerror or error}", "make it writable") from error
        self._profile_file = file
        self.window.remember_profile(file)
        made = "" if before is not None else " (a new profile, for none was in use)"
        text = f"saved in {file}{made}; start the program again: until then the bench listens as before"
        if level == 2:
            text += f". Each station needs its password: authbench secret set ocpp:{profile.charger.identity}"
        return text

    # Options

    def _demo_options(self) -> Options:
        from bench.assembly import Options

        return Options(ocpp="127.0.0.1:0", api="127.0.0.1:0", mqtt="embedded", charger="sim", temporary=True)

    def _bench_options(self) -> Options:
        from dataclasses import replace

        from bench.assembly import Options
        from bench.settings import load_profile

        file = self._profile_file or self.window.last_profile()
        options = Options()
        return replace(options, profile=load_profile(file)) if file is not None else options

    # Ends and faults

    def _start_later(self, work: Any) -> None:
        async def guarded() -> None:
            try:
                async with self._starting:  # a second click waits for the first
                    await work
            except OperatorError as error:
                self.window.show_notice("fail", str(error))

        self._tasks.spawn(guarded(), name="start")

    def _exit_requested(self) -> None:
        self._exit = True
        stopping = getattr(self, "_stopping", None)
        if stopping is not None:
            stopping.set()

    def _slot_fault(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """A slot or timer failed: our bug. The first one is reported and the bench ends in order."""
        import traceback

        text = "".join(traceback.format_exception(kind, error, trace))
        _log().error("fault in the window:\n%s", text)
        if self._fault is None:
            self._fault = text
            self._exit_requested()

    def _loop_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self._slot_fault(type(error), error, error.__traceback__)
        else:
            _log().error("event loop: %s", context.get("message"))


def _make_certificates(wanted: CertificatesWanted) -> CertificateFiles:
    """On a thread of its own: RSA keys take their time. A server certificate that names these hosts already is kept."""
    from bench.certificate_set import CertificateFiles
    from devices.ocpp.certificates import KeyType, hosts_of, make, read

    there = wanted.folder / "server.pem"
    kept = there.exists() and not wanted.replace and set(wanted.hosts) <= set(hosts_of(read(there)))
    ca, server, *stations = make(
        wanted.folder,
        () if kept else wanted.hosts,
        wanted.stations,
        force=wanted.replace,
        days=wanted.days,
        key_type=KeyType(wanted.key_type),
    )
    made = zip(wanted.stations, stations, strict=True)
    return CertificateFiles(
        ca.certificate, server.certificate, server.key, tuple((name, each.certificate, each.key) for name, each in made)
    )


# Said by Qt's offscreen platform at every resize; it has no window manager to pass the hints to.
HARMLESS = ("This plugin does not support propagateSizeHints",)


def _qt_message(kind: Any, context: Any, text: str) -> None:
    """Qt's own messages go where ours go."""
    if not text.startswith(HARMLESS):
        from PySide6.QtCore import QtMsgType

        loud = kind in (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg)
        _log().log(30 if loud else 10, "Qt: %s", text)  # WARNING and DEBUG


def _log() -> Any:
    import logging

    return logging.getLogger(__name__)


def _display() -> bool:
    from bench.cli import has_display

    return has_display()

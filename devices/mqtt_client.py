"""paho's client, reading ahead: many small packets cost one read of the socket instead of three each."""

from __future__ import annotations

from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

READ_AHEAD = 65_536
LOOK_UP = 32
"""Packets after which pings and what waits to be sent get their turn."""


class ReadAheadClient(Client):
    """For a single connection, as everything here.

    WORKAROUND: paho asks the socket for one byte, then one more, then the rest of each packet, and waits in ``select`` between two
    packets. Each of those lets another thread in, so that in a flood the window and this thread spend their time handing over.
    ``_sock_recv`` is not part of paho's documented interface; where a later version no longer calls it, it reads as before.
    https://github.com/eclipse-paho/paho.mqtt.python/blob/master/src/paho/mqtt/client.py
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._ahead = b""
        self._ahead_at = 0
        self._heard = False

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle every packet that was read ahead: ``select`` does not know of them."""
        result = super().loop_read(max_packets)
        count = 0
        while result is MQTTErrorCode.MQTT_ERR_SUCCESS and self._ahead_at < len(self._ahead):
            result = super().loop_read(max_packets)
            count += 1
            if count % LOOK_UP == 0:
                self.loop_misc()
                if self.want_write():
                    self.loop_write()
        return result

    def loop_misc(self) -> MQTTErrorCode:
        """Keep the connection alive.

        WORKAROUND: paho gives up when the answer to its ping is late, although other packets come in all the time: in a flood that
        answer waits behind thousands of them. Whatever the broker sends proves that it lives.
        """
        if self._heard:
            self._heard = False
            self._ping_t = 0.0
        return super().loop_misc()

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._ahead_at >= len(self._ahead):
            self._ahead, self._ahead_at = super()._sock_recv(max(bufsize, READ_AHEAD)), 0
            self._heard = True
        start = self._ahead_at
        self._ahead_at = min(start + bufsize, len(self._ahead))
        return self._ahead[start : self._ahead_at]

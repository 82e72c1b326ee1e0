"""Small signs drawn as lines, the same on every system whatever its fonts."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

GLYPHS = ("check", "cross", "ban", "clock", "warning", "info", "wait", "card", "plug", "folder", "play")
DOTS = ("off", "connecting", "up", "faulty")


def paint_glyph(painter: QPainter, rect: QRectF, name: str, color: QColor) -> None:
    """Draw one of :data:`GLYPHS` into the largest square inside ``rect``."""
    side = min(rect.width(), rect.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.center().x() - side / 2, rect.center().y() - side / 2)
    painter.scale(side / 16, side / 16)
    painter.setPen(QPen(color, 2.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _DRAW[name](painter, color)
    painter.restore()


def paint_dot(painter: QPainter, rect: QRectF, state: str, color: QColor) -> None:
    """The shape of a link state: hollow square, half disc, disc, triangle (never colour alone)."""
    side = min(rect.width(), rect.height()) - 2
    box = QRectF(rect.center().x() - side / 2, rect.center().y() - side / 2, side, side)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if state == "up":
        painter.setBrush(color)
        painter.drawEllipse(box)
    elif state == "connecting":
        painter.drawEllipse(box)
        painter.setBrush(color)
        painter.drawPie(box, 90 * 16, 180 * 16)
    elif state == "faulty":
        painter.setBrush(color)
        painter.drawPolygon(QPolygonF([QPointF(box.center().x(), box.top()), box.bottomRight(), box.bottomLeft()]))
    else:
        painter.drawRect(box.adjusted(0.8, 0.8, -0.8, -0.8))
    painter.restore()


def glyph_icon(name: str, color: QColor, side: int = 16) -> QIcon:
    """An icon for buttons, drawn at twice its size so that it stays sharp on a dense screen."""
    pixmap = QPixmap(QSize(side * 2, side * 2))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_glyph(painter, QRectF(2, 2, side * 2 - 4, side * 2 - 4), name, color)
    painter.end()
    return QIcon(pixmap)


def _check(painter: QPainter, color: QColor) -> None:
    painter.drawPolyline(QPolygonF([QPointF(2.5, 8.5), QPointF(6.3, 12.5), QPointF(13.5, 3.8)]))


def _cross(painter: QPainter, color: QColor) -> None:
    painter.drawLine(QPointF(3.5, 3.5), QPointF(12.5, 12.5))
    painter.drawLine(QPointF(12.5, 3.5), QPointF(3.5, 12.5))


def _ban(painter: QPainter, color: QColor) -> None:
    painter.drawEllipse(QRectF(2, 2, 12, 12))
    painter.drawLine(QPointF(4, 12), QPointF(12, 4))


def _clock(painter: QPainter, color: QColor) -> None:
    painter.drawEllipse(QRectF(2, 2, 12, 12))
    painter.drawPolyline(QPolygonF([QPointF(8, 4.8), QPointF(8, 8), QPointF(10.6, 9.6)]))


def _warning(painter: QPainter, color: QColor) -> None:
    painter.drawPolygon(QPolygonF([QPointF(8, 2), QPointF(14.5, 13.5), QPointF(1.5, 13.5)]))
    painter.drawLine(QPointF(8, 6.5), QPointF(8, 9.2))
    painter.drawPoint(QPointF(8, 11.4))


def _info(painter: QPainter, color: QColor) -> None:
    painter.drawEllipse(QRectF(2, 2, 12, 12))
    painter.drawLine(QPointF(8, 7.6), QPointF(8, 11.2))
    painter.drawPoint(QPointF(8, 4.9))


def _wait(painter: QPainter, color: QColor) -> None:
    painter.setBrush(color)
    for x in (3.0, 8.0, 13.0):
        painter.drawEllipse(QPointF(x, 8), 0.5, 0.5)


def _card(painter: QPainter, color: QColor) -> None:
    painter.setPen(QPen(color, 1.5))
    painter.drawRoundedRect(QRectF(1.5, 3.5, 13, 9.5), 1.5, 1.5)
    for radius in (2.0, 4.0):
        painter.drawArc(QRectF(5 - radius, 8.2 - radius, 2 * radius, 2 * radius), -45 * 16, 90 * 16)


def _plug(painter: QPainter, color: QColor) -> None:
    painter.setPen(QPen(color, 1.5))
    painter.drawLine(QPointF(5.5, 1.5), QPointF(5.5, 5))
    painter.drawLine(QPointF(10.5, 1.5), QPointF(10.5, 5))
    body = QPainterPath(QPointF(3, 5))
    body.lineTo(13, 5)
    body.lineTo(13, 7.5)
    body.arcTo(QRectF(3, 2.5, 10, 9), 0, -180)
    body.closeSubpath()
    painter.drawPath(body)
    painter.drawLine(QPointF(8, 11.5), QPointF(8, 14.5))


def _folder(painter: QPainter, color: QColor) -> None:
    painter.setPen(QPen(color, 1.5))
    painter.drawPolygon(
        QPolygonF(
            [QPointF(1.5, 13), QPointF(1.5, 3), QPointF(6, 3), QPointF(7.5, 5), QPointF(14.5, 5), QPointF(14.5, 13)]
        )
    )


def _play(painter: QPainter, color: QColor) -> None:
    painter.setPen(QPen(color, 1.5))
    painter.drawPolygon(QPolygonF([QPointF(8 + 6 * math.cos(a), 8 + 6 * math.sin(a)) for a in (0.0, 2.1, 4.19)]))


_DRAW = {
    "check": _check,
    "cross": _cross,
    "ban": _ban,
    "clock": _clock,
    "warning": _warning,
    "info": _info,
    "wait": _wait,
    "card": _card,
    "plug": _plug,
    "folder": _folder,
    "play": _play,
}

"""Draws a sequence diagram: lanes, arrows and what is written beside them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from ui import theme
from ui.diagram_layout import LOOP, TOP, Arrow, Diagram
from ui.glyphs import paint_glyph

HEAD = 7.0
"""Length of an arrow's head."""


def write_picture(diagram: Diagram, path: Path, title: str) -> bool:
    """SVG, or PNG at twice the size; False where the file cannot be written."""
    size = QSize(round(diagram.width), round(diagram.height))
    if path.suffix.lower() == ".svg":
        from PySide6.QtSvg import QSvgGenerator

        drawing = QSvgGenerator()
        drawing.setFileName(str(path))
        drawing.setSize(size)
        drawing.setViewBox(QRectF(0, 0, size.width(), size.height()))
        drawing.setTitle(title)
        painter = QPainter()
        if not painter.begin(drawing):
            return False
        paint_diagram(painter, diagram, size)
        return painter.end()
    image = QImage(size * 2, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2)
    painter = QPainter(image)
    paint_diagram(painter, diagram, size)
    painter.end()
    return image.save(str(path))


def paint_diagram(
    painter: QPainter,
    diagram: Diagram,
    size: QSize,
    current: int | None = None,
    hover: int | None = None,
    *,
    focus: bool = False,
) -> None:
    """Draw a diagram in the colours of the theme on a ground of ``size``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), theme.color("panel"))
    for index, role in ((hover, "surface"), (current, "selection")):
        if index is not None and index < len(diagram.arrows):
            arrow = diagram.arrows[index]
            band = QRectF(0, arrow.top + 1, size.width(), arrow.bottom - arrow.top)
            painter.fillRect(band, theme.color(role))
            if focus and index is current:
                painter.setPen(QPen(theme.color("accent"), 1))
                painter.drawRect(band.adjusted(0.5, 0.5, -1.5, -0.5))
    _paint_lanes(painter, diagram, max(diagram.height, size.height()))
    for arrow in diagram.arrows:
        _paint_arrow(painter, arrow, diagram.width)


def _paint_lanes(painter: QPainter, diagram: Diagram, height: float) -> None:
    font = theme.ui_font(-0.25, bold=True)
    painter.setFont(font)
    half = min(120.0, (diagram.lanes[1].x - diagram.lanes[0].x) if len(diagram.lanes) > 1 else 120.0) / 2 + 4
    for lane in diagram.lanes:
        painter.setPen(theme.color("text" if lane.used else "muted"))
        head = QRectF(lane.x - half, 8, 2 * half, TOP - 17)
        painter.drawText(head, Qt.AlignmentFlag.AlignCenter, lane.label)
        style = Qt.PenStyle.SolidLine if lane.used else Qt.PenStyle.DashLine
        painter.setPen(QPen(theme.color("border"), 1.2, style))
        painter.drawLine(QPointF(lane.x, TOP - 6), QPointF(lane.x, height - 8))


def _paint_arrow(painter: QPainter, arrow: Arrow, width: float) -> None:
    ink = theme.color(arrow.role)
    pen = QPen(ink, 1.7, Qt.PenStyle.DashLine if arrow.dashed or arrow.lost else Qt.PenStyle.SolidLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if arrow.loop:
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(arrow.x1, arrow.y - 7),
                    QPointF(arrow.x1 + LOOP, arrow.y - 7),
                    QPointF(arrow.x1 + LOOP, arrow.y),
                    QPointF(arrow.x1 + HEAD, arrow.y),
                ]
            )
        )
        _paint_head(painter, arrow.x1, arrow.y, -1, ink)
    else:
        towards = 1 if arrow.x2 > arrow.x1 else -1
        ends = (arrow.x1 + arrow.x2) / 2 if arrow.lost else arrow.x2 - towards * HEAD
        painter.drawLine(QPointF(arrow.x1, arrow.y), QPointF(ends, arrow.y))
        if arrow.lost:
            painter.setPen(QPen(ink, 2))
            for slope in (-1, 1):
                painter.drawLine(QPointF(ends - 4, arrow.y - 4 * slope), QPointF(ends + 4, arrow.y + 4 * slope))
        else:
            _paint_head(painter, arrow.x2, arrow.y, towards, ink)
    _paint_words(painter, arrow, width, ink)


def _paint_head(painter: QPainter, x: float, y: float, towards: int, ink: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    back = x - towards * HEAD * 1.2
    painter.drawPolygon(QPolygonF([QPointF(x, y), QPointF(back, y - HEAD / 2), QPointF(back, y + HEAD / 2)]))


def _paint_words(painter: QPainter, arrow: Arrow, width: float, ink: QColor) -> None:
    font = theme.ui_font(-0.75)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    left = arrow.left + (LOOP + 6 if arrow.loop else 9)
    # The mark is what is looked for: the name gives way to it.
    kept = _mark_width(arrow.mark) if arrow.mark else 0.0
    name = metrics.elidedText(arrow.name, Qt.TextElideMode.ElideRight, max(width / 8, width - left - 6 - kept))
    painter.setPen(theme.color("fail" if arrow.lost else "text"))
    base = arrow.y - (7 if arrow.lost else 4.5)
    painter.drawText(QPointF(left, base), name)
    if arrow.mark:
        _paint_mark(painter, QPointF(left + metrics.horizontalAdvance(name) + 8, base), arrow.mark, width)
    small = theme.ui_font(-1.25)
    painter.setFont(small)
    painter.setPen(theme.color("muted"))
    small_metrics = QFontMetricsF(small)
    beside = arrow.left - 8 - small_metrics.horizontalAdvance(arrow.latency)
    painter.drawText(QPointF(beside, arrow.y + small_metrics.ascent() / 2 - 1), arrow.latency)
    if arrow.fault:
        painter.setFont(small)
        painter.setPen(ink)
        fault = small_metrics.elidedText(arrow.fault, Qt.TextElideMode.ElideRight, width - left - 6)
        painter.drawText(QPointF(left, arrow.y + small_metrics.height()), fault)


def _mark_font() -> QFont:
    return theme.ui_font(-1.0, bold=True)


def _mark_width(words: str) -> float:
    metrics = QFontMetricsF(_mark_font())
    return 8 + metrics.ascent() + 4 + metrics.horizontalAdvance(words)


def _paint_mark(painter: QPainter, at: QPointF, words: str, width: float) -> None:
    """A warning sign and what does not fit, from the foot of its words."""
    font = _mark_font()
    metrics = QFontMetricsF(font)
    side = metrics.ascent()
    ink = theme.color("warn")
    paint_glyph(painter, QRectF(at.x(), at.y() - side + 1.5, side, side), "warning", ink)
    painter.setFont(font)
    painter.setPen(ink)
    room = width - at.x() - side - 4 - 4
    painter.drawText(QPointF(at.x() + side + 4, at.y()), metrics.elidedText(words, Qt.TextElideMode.ElideRight, room))

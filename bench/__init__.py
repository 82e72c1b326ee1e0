"""The engine of Authbench: records, correlates and decides. Knows no Qt and no socket."""

__version__ = "0.1.0"

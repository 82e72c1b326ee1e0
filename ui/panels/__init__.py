"""One panel of the window a module."""

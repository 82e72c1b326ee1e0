"""The tests; mirrors the packages."""

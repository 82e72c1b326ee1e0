"""The HTTP control API. Import :class:`devices.api.server.ApiServer`; the frameworks behind it load when it starts."""

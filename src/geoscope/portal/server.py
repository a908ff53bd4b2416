"""The portal's web server: gunicorn, whose master makes the database ready before the first worker begins."""

from typing import Any

from gunicorn.app.base import BaseApplication

from geoscope.settings import InternalSettings

OPTIONS = {
    "worker_class": "gthread",
    "threads": 8,
    "keepalive": InternalSettings.KEEP_ALIVE_S,
    "forwarded_allow_ips": "127.0.0.1",
    "graceful_timeout": 5,
    "loglevel": "warning",
    "control_socket_disable": True,
    # The master has imported all of it already.
    "preload_app": True,
}


class PortalServer(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn with the portal's application.

    Parameters
    ----------
    bind : str
        Address to listen on: HOST:PORT.
    workers : int
        How many processes answer.
    """

    def __init__(self, bind: str, workers: int) -> None:
        self._options = OPTIONS | {"bind": bind, "workers": workers}
        super().__init__()

    def load_config(self) -> None:
        """Take these options and no others: neither a file of the working folder nor a variable."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # noqa: ANN401 (gunicorn has no types)
        """Return the portal as a WSGI application."""
        from geoscope.portal.wsgi import application  # noqa: PLC0415 (once the database is ready)

        return application

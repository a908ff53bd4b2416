"""One small hierarchy of errors; each border turns it into its own standard's error document."""


class GeoscopeError(Exception):
    """Something went wrong, said in words that help.

    Parameters
    ----------
    problem : str
        What is wrong, naming the thing that is wrong.
    remedy : str, optional
        What was expected, or what to do now.
    help_url : str, optional
        The page on which that can be done.
    """

    status: int = 500
    code: str = "InternalError"

    def __init__(self, problem: str, remedy: str = "", help_url: str = "") -> None:
        super().__init__(problem, remedy, help_url)
        self.problem = problem
        self.remedy = remedy
        self.help_url = help_url

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()


class InvalidInputError(GeoscopeError):
    """The request holds a value that cannot be used."""

    status = 400
    code = "InvalidParameterValue"


class NotSignedInError(GeoscopeError):
    """The request carries no valid token, and needs one."""

    status = 401
    code = "NotAuthenticated"


class NotAllowedError(GeoscopeError):
    """The principal is known, and may not do this."""

    status = 403
    code = "NotAuthorized"


class NotFoundError(GeoscopeError):
    """The thing asked for does not exist, or not for this principal."""

    status = 404
    code = "NotFound"


class GoneError(NotFoundError):
    """The thing asked for was there, and is no more."""

    status = 410
    code = "Gone"


class ConflictError(GeoscopeError):
    """The thing exists already, or changed meanwhile."""

    status = 409
    code = "Conflict"


class TooLargeError(GeoscopeError):
    """The answer or the body would be larger than this service allows."""

    status = 413
    code = "RequestTooLarge"


class TooManyError(GeoscopeError):
    """The principal has as much at once as this service allows."""

    status = 429
    code = "TooManyRequests"


class UnavailableError(GeoscopeError):
    """A part that is needed does not answer now."""

    status = 503
    code = "ServiceUnavailable"


class SetupError(GeoscopeError):
    """The platform cannot start, or an operator's file is wrong."""

    code = "SetupError"

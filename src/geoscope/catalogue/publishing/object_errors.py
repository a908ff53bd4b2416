"""Errors of the object store in the platform's own words."""

from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError as ObjectStoreError

from geoscope.errors import InvalidInputError, UnavailableError


@contextmanager
def told_object_store_errors() -> Iterator[None]:
    """Tell of a failing object store in a form that the job tries again.

    Raises
    ------
    InvalidInputError
        If a bucket or an object is not there.
    UnavailableError
        If the store does not answer as it should.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise InvalidInputError("A bucket or a file is not there.", "List the files again.") from error
    except ObjectStoreError as error:
        raise UnavailableError(f"The object store fails ({type(error).__name__}).") from error

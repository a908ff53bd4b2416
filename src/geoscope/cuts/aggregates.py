"""The parameter `aggregate`: what one value is made of a region's cells by. Loads no arrays."""

from enum import StrEnum

from geoscope.errors import InvalidInputError


class Aggregate(StrEnum):
    """What is made of the cells; the value is what the parameter `aggregate` takes."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"

    @property
    def cell_method(self) -> str:
        """The method as CF names it (1.11, appendix E)."""
        return {Aggregate.MIN: "minimum", Aggregate.MAX: "maximum"}.get(self, self.value)

    @classmethod
    def parse(cls, text: str | None) -> "Aggregate | None":
        """Read the parameter; None for None.

        Raises
        ------
        InvalidInputError
            If there is no such method.
        """
        if text is None:
            return None
        wanted = text.strip().lower()
        if wanted not in list(cls):
            raise InvalidInputError(
                f"aggregate={text[:40]!r} is not known.", f"Expected one of: {', '.join(cls)}."
            )
        return cls(wanted)

"""What is wrong with data, gathered look by look, so that all of it is told at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from graft.errors import GraftError


class FaultsError(GraftError):
    """Several errors in one; their exit code is that of a wrong configuration where each has it."""

    def __init__(self, where: str, errors: Sequence[GraftError]) -> None:
        listed = "".join("\n- " + str(error).replace("\n", "\n  ") for error in errors)
        super().__init__(f"{where} has {len(errors)} faults:{listed}")
        self.errors = errors
        self.exit_code = min(error.exit_code for error in errors)


class Faults:
    """Notes errors in the place of raising the first.

    Args:
        where: what has the faults, for the message.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._noted: list[GraftError] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._noted)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes what is raised within, so that what follows is looked at too."""
        try:
            yield
        except FaultsError as error:
            self._noted += error.errors
        except GraftError as error:
            self._noted.append(error)

    def tell(self) -> None:
        """Does nothing where nothing was noted.

        Raises:
            GraftError: one is raised as it was, several as one.
        """
        if len(self._noted) == 1:
            raise self._noted[0]
        if self._noted:
            raise FaultsError(self._where, self._noted)

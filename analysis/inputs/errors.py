# analysis/inputs/errors.py - the faults that a reader or a figure reports, each with its exit code.

DONE, USAGE, BAD_DATA, ENVIRONMENT = 0, 2, 3, 4


class AnalysisError(Exception):
    """A fault that the user can act on: fact, values, remedy, on one line."""

    code = BAD_DATA


class BadData(AnalysisError):
    code = BAD_DATA


class UsageError(AnalysisError):
    code = USAGE


class MachineError(AnalysisError):
    code = ENVIRONMENT

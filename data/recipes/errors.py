# data/recipes/errors.py - the faults a recipe reports, each with its exit code.

DONE, USAGE, BAD_DATA, ENVIRONMENT = 0, 2, 3, 4


class RecipeError(Exception):
    """A fault that the user can act on: fact, values, remedy."""

    code = BAD_DATA


class BadData(RecipeError):
    code = BAD_DATA


class UsageError(RecipeError):
    code = USAGE


class MachineError(RecipeError):
    code = ENVIRONMENT

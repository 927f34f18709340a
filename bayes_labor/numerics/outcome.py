"""Outcomes of solvers: a failed solve is a value, never an exception, and each value carries its sentence of advice."""

from enum import IntEnum
from typing import Self


class Outcome(IntEnum):
    """Base of what may become of a solve; 0 is a solution, and a likelihood turns every other value into minus infinity.

    Members are declared as ``NAME = code, "one sentence for the user who meets this outcome"``.
    """

    advice: str

    def __new__(cls, code: int, advice: str = "") -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.advice = advice
        return member

"""What takes long says how far it is: not at once, not too often, with what is left."""

import pytest

from bayes_labor.engines import telling
from bayes_labor.engines.fan_out import fan_out


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(telling.time, "monotonic", lambda: now[0])
    return now


def test_it_says_how_much_is_left(clock: list[float]) -> None:
    said: list[str] = []
    telling.listen(said.append, every=60.0)
    try:
        for second in range(200):
            clock[0] = 1000.0 + second
            telling.tell("sampling", second, 200, "draws")
        assert said == [
            "sampling: 10 of 200 draws, about 3 min left (10 s)",
            "sampling: 70 of 200 draws, about 2 min left (70 s)",
            "sampling: 130 of 200 draws, about 70 s left (130 s)",
            "sampling: 190 of 200 draws, about 10 s left (190 s)",
        ]
        telling.tell("tables", what="the second")  # another task begins, and nobody has to be told yet
        clock[0] += 11.0
        telling.tell("tables", what="the third")
        assert said[4:] == ["tables: the third (11 s)"]
    finally:
        telling.listen(None)
    telling.tell("nobody listens")


def test_many_fits_tell(clock: list[float]) -> None:
    said: list[str] = []
    telling.listen(said.append, every=60.0)
    try:
        for _ in fan_out(lambda shared, task: clock.__setitem__(0, clock[0] + 30.0), None, [1, 2, 3, 4], workers=1):
            pass
    finally:
        telling.listen(None)
    assert said == ["fits: 1 of 4 fits, about 90 s left (30 s)", "fits: 3 of 4 fits, about 30 s left (90 s)"]


def test_a_task_within_another_does_not_silence_it(clock: list[float]) -> None:
    """Thirty fits of eight seconds, each of which samples: seen in a page's comparison, sixteen minutes without a word."""
    said: list[str] = []
    telling.listen(said.append, every=60.0)
    try:
        for i in range(30):
            telling.tell("fits", i, 30, "fits")
            for draw in range(8):
                telling.tell("sampling", draw, 8, "draws")
                clock[0] += 1.0
    finally:
        telling.listen(None)
    assert said[0].startswith("fits: 2 of 30 fits") and all(line.startswith("fits") for line in said) and len(said) == 4

"""What is wrong with a page's text, for those who read it with their ears, by the keyboard, or closely."""

import re
from html.parser import HTMLParser

_ODD = re.compile(r"(?<![\w.])(nan|NaN|inf|None)(?![\w.])|(?<![\w.,])[-\u2212]0(\.0+)?%?(?![\w.,])")
"""What is no number for a reader: nan, a minus before a zero."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag not in ("meta", "br", "img", "link", "input"):
            self.inside.append(tag)
        if "id" in told:
            self.ids.append(str(told["id"]))
        if tag == "a" and str(told.get("href", "")).startswith("#"):
            self.targets.append(str(told["href"])[1:])
        if tag == "th" and told.get("scope") not in ("col", "row"):
            self.faults.append("a heading of a table without its scope")
        if tag == "svg" and len(str(told.get("aria-label") or "").split()) < 5:
            self.faults.append(f"a picture that is told in few words: {told.get('aria-label')}")
        if "scroll" in str(told.get("class", "")).split() and (told.get("tabindex") != "0" or not told.get("aria-label")):
            self.faults.append("a table that the keyboard cannot scroll")

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"style", "script", "pre", "code"} & set(self.inside):
            self.faults += [f"{found.group()!r} in {data.strip()[:60]!r}" for found in _ODD.finditer(data)]


def faults_of_text(page: str) -> list[str]:
    """In words; empty for a good page."""
    reader = _Reader()
    reader.feed(page)
    twice = {i for i in reader.ids if reader.ids.count(i) > 1}
    lost = [t for t in reader.targets if t not in reader.ids]
    return [
        *dict.fromkeys(reader.faults),
        *(f"two places are called {i}" for i in twice),
        *(f"nothing is at #{t}" for t in lost),
    ]

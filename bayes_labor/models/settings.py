"""Settings and priors as printable, checkable objects that refuse what they do not know."""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean

LARGEST_SEED = 2**63 - 1
SMALLEST, LARGEST = 1e-12, 1e12
"""Sizes of numbers other than whole ones and zero: scales are relative to the data, and densities are finite in between."""


class Settings(BaseModel):
    """Frozen settings that refuse unknown names, numbers that are none (truth values among them) and numbers of absurd size.

    All faults of a call are reported at once. Sizes are from :data:`SMALLEST` to :data:`LARGEST`.
    """

    unused: ClassVar[tuple[str, ...]] = ()
    """Fields that this model inherits and does not read."""
    former: ClassVar[tuple[str, ...]] = ()
    """Fields of earlier releases on which no posterior depended."""
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise DataFaults([fault for e in error.errors() for fault in _as_faults(type(self), e)]) from None

    def _repr_html_(self) -> str:
        """For notebooks: every setting, those that differ from their defaults in bold."""
        defaults = {k: f.get_default(call_default_factory=True) for k, f in type(self).model_fields.items()}
        rows = []
        for name, value in self:
            shown = value._repr_html_() if isinstance(value, Settings) else html.escape(repr(value))
            changed = value != defaults[name]
            rows.append(f"<tr><th scope='row'>{name}</th><td>{f'<b>{shown}</b>' if changed else shown}</td></tr>")
        return f"<table><caption>{type(self).__name__}</caption>{''.join(rows)}</table>"

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Self:
        """Settings as a record has them, of this release or an earlier one."""
        return cls(**{k: v for k, v in values.items() if k not in cls.former})

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = set(_kinds(cls.model_fields[str(info.field_name)].annotation))
        if kinds & {int, float} and bool not in kinds and any(isinstance(v, bool) for v in _parts(value)):
            raise ValueError("Input should be a number, not true or false")
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _of_sane_size(cls, value: Any) -> Any:
        if any(isinstance(v, float) and v and not SMALLEST <= abs(v) <= LARGEST for v in _parts(value)):
            raise ValueError(f"Input should be zero or of a size from {SMALLEST:g} to {LARGEST:g}")
        return value


def _kinds(annotation: Any) -> Iterator[Any]:
    """Types that an annotation is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _parts(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _as_faults(model: type[BaseModel], error: Any) -> Sequence[Fault]:
    """Of settings within settings, their own."""
    inner = error.get("ctx", {}).get("error")
    return inner.faults if isinstance(inner, DataFaults) else [_as_fault(model, error)]


def _as_fault(model: type[BaseModel], error: Any) -> Fault:
    name = ".".join(str(part) for part in error["loc"]) if error["loc"] else model.__name__
    if error["type"] == "extra_forbidden":
        return Fault(f"there is no setting {name!r}", model.__name__, did_you_mean(name, model.model_fields))
    if error["type"] == "literal_error":
        known = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return Fault(f"{name} = {error['input']!r} is not known", model.__name__, did_you_mean(str(error["input"]), known))
    what = error["msg"].removeprefix("Value error, ")
    given = "" if isinstance(error["input"], dict) else f" = {error['input']!r}"
    return Fault(
        f"{name}{given}: {what[0].lower()}{what[1:]}", model.__name__, "see its documentation for the admissible range"
    )

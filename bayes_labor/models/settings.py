"""Settings and priors as printable, checkable objects that refuse what they do not know."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean

LARGEST_SEED = 2**63 - 1


class Settings(BaseModel):
    """Frozen settings that refuse unknown names and numbers that are none, and report all faults of a call at once."""

    unused: ClassVar[tuple[str, ...]] = ()
    """Fields that this model inherits and does not read."""
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise DataFaults([_as_fault(type(self), e) for e in error.errors()]) from None


def _as_fault(model: type[BaseModel], error: Any) -> Fault:
    name = ".".join(str(part) for part in error["loc"]) or model.__name__
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

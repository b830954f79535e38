"""Requests and responses of the trainings over the REST API.

The docstrings of the classes and the descriptions of their fields appear in the API's OpenAPI document.

Example:
    >>> RunRequest(settings={"epochs": 2}).start
    'genius'
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from digitcore.api_schemas import MAX_IMAGES, PICTURE_FORMS, Base64, FlatDigit, Rows
from digitcore.models.registry import DEFAULT_MODEL

MAX_FILE_TEXT = 14_000_000  # characters of a sample file in base64
MAX_NETWORK = 100_000  # characters of the JSON of a network


class LabelledPicture(BaseModel, extra="forbid"):
    """A picture of one digit with its label."""

    picture: Base64 | Rows | FlatDigit = Field(description=f"The picture is {PICTURE_FORMS}.")
    label: int = Field(description="The digit, 0 to 9.", ge=0, le=9, strict=True)
    held_out: bool = Field(
        default=False, strict=True, description="Whether the sample is only scored, and is not used for training."
    )


class RunRequest(BaseModel, extra="forbid"):
    """The body of a request that starts a training."""

    samples: Annotated[list[LabelledPicture], Field(max_length=MAX_IMAGES)] = Field(
        default=[], description=f"At most {MAX_IMAGES} labelled pictures. The largest digit of each picture is used."
    )
    file: Annotated[str, Field(max_length=MAX_FILE_TEXT)] = Field(
        default="", description="A sample file such as an .npz file of the Draw page, in base64, for more samples."
    )
    settings: dict[str, Any] = Field(
        default={}, description="Settings of the training by name. “digitlab settings” lists them with their defaults."
    )
    start: Annotated[str, Field(max_length=40)] = Field(
        default=DEFAULT_MODEL, description="Name of the shipped model that is trained. Give either it or “network”."
    )
    network: Annotated[str, Field(max_length=MAX_NETWORK)] = Field(
        default="", description="Name or JSON of a network that is trained from random weights."
    )


class RunState(BaseModel):
    """The state of a training."""

    id: str = Field(description="Identifier of the run.")
    status: Literal["waiting", "running", "done", "failed"] = Field(description="Status of the training.")
    position: int = Field(description="Number of jobs that run before the waiting training.")
    progress: float = Field(description="Completed share of the training, 0 to 1.")
    stopped: bool = Field(description="Whether the training was asked to stop before its last epoch.")
    error: str = Field(description="The reason why the training failed, or an empty text.")
    curves: list[dict[str, float]] = Field(
        description="Points of the curves: epoch, samples_seen and seconds, and where they were measured loss, accuracy, "
        "val_loss and val_accuracy."
    )
    scores: dict[str, float] = Field(
        description="Accuracies of the initial and the trained model, 0 to 1, when the training is done: mnist_before, "
        "mnist_after, and held_out_before, held_out_after, or without held-out samples samples_before, samples_after."
    )
    version: str = Field(description="First 12 characters of the trained model's SHA-256, or an empty text.")


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """Put the schema of a sample where it is used, because a schema in an OpenAPI document cannot have its own definitions."""
    schema["properties"]["samples"]["items"] = schema.pop("$defs")["LabelledPicture"]
    return schema


RUN_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _inline(RunRequest.model_json_schema())}}}
}


def describe_field(problem: Any) -> str:
    """Describe a validation error of a request in a sentence.

    Args:
        problem: An item of `ValidationError.errors()`.

    Returns:
        The reason and the action for the user.

    Example:
        >>> describe_field({"type": "missing", "loc": ("samples", 2, "label")})
        'The field “samples.2.label” is missing. Add it.'
    """
    kind, place = problem["type"], problem["loc"]
    name = ".".join(str(part)[:40] for part in place[:3])
    if kind == "json_invalid":
        return "The body is not valid JSON. Check its quotation marks, commas and brackets."
    if not place:
        return "The body must be a JSON object such as {“settings”: {“epochs”: 2}}."
    if kind == "missing":
        return f"The field “{name}” is missing. Add it."
    if kind == "extra_forbidden":
        fields = RunRequest.model_fields if len(place) == 1 else LabelledPicture.model_fields
        return f"There is no field “{name}”. Use only {', '.join(fields)}."
    model = LabelledPicture if len(place) > 2 else RunRequest
    field = model.model_fields.get(str(place[2] if len(place) > 2 else place[0]))
    return f"The field “{name}” is not valid. {field.description if field else 'Correct it or remove it.'}"

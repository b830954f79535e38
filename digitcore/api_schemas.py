"""Requests, responses and errors of the REST API."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from digitcore.images import SIDE
from digitcore.models.bundle import ModelBundle, TrainingData

MAX_IMAGES = 100  # of a request
PROBLEM_TYPE = "application/problem+json"

Pixel = Annotated[float, Field(ge=0, le=255, multiple_of=1, strict=True)]  # JSON knows no integers: 184.0 is one
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Digit = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]


class PredictRequest(BaseModel, extra="forbid"):
    """What a JSON request holds."""

    pictures: Annotated[list[Base64 | Digit], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] = Field(
        description="Each a PNG or JPEG file in base64, or a digit: 28 rows of 28 numbers, 0 paper to 255 ink."
    )
    all: bool = Field(default=False, strict=True, description="Predict each digit of a picture, with its box.")


class Prediction(BaseModel):
    """The model's prediction for one digit."""

    picture: int = Field(description="Place of its picture in the request, from 0.")
    digit: int | None = Field(
        default=None, description="The best guess; null when the picture is blank or unreadable.", ge=0, le=9
    )
    unsure: bool = Field(default=True, description="Whether the best guess lies below the model's threshold.")
    probabilities: list[float] = Field(default=[], description="Of the digits 0 to 9; empty without a guess.", max_length=10)
    problem: str | None = Field(default=None, description="Why there is no guess; one bad picture does not spoil the others.")
    box: tuple[int, int, int, int] | None = Field(default=None, description="Left, top, right, bottom in the picture's px.")
    digits_found: int = Field(default=0, description="In the picture: without “all”, the largest of a photograph is predicted.")


class PredictResponse(BaseModel):
    """Predictions in the order of the images; with “all”, each digit's, that with the most ink first."""

    model: str
    version: str = Field(description="Tells files of the same name apart: the beginning of the model's SHA-256.")
    answers: list[Prediction]


class Model(BaseModel):
    """A shipped model."""

    name: str
    version: str
    parameters: int
    training_data: TrainingData
    mnist_accuracy: float | None
    confidence_threshold: float

    @classmethod
    def from_bundle(cls, bundle: ModelBundle) -> "Model":
        """What a model's card says of it."""
        card = bundle.card
        return cls(
            name=card.name,
            version=version_of(bundle),
            parameters=card.parameters,
            training_data=card.training_data,
            mnist_accuracy=card.metrics.get("mnist_accuracy"),
            confidence_threshold=card.confidence_threshold,
        )


class Health(BaseModel):
    """That the server answers."""

    status: str


class Problem(BaseModel):
    """An error, as of RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def version_of(bundle: ModelBundle) -> str:
    """The beginning of the model's SHA-256."""
    return bundle.hash[:12]


def problem_responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of these error codes."""
    schema = Problem.model_json_schema()
    return {code: {"description": "A problem", "content": {PROBLEM_TYPE: {"schema": schema}}} for code in codes}


_BINARY = {"type": "string", "format": "binary"}
PREDICT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": PredictRequest.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["pictures"],
                    "properties": {
                        "pictures": {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": MAX_IMAGES},
                    },
                }
            },
            "image/png": {"schema": _BINARY},
            "image/jpeg": {"schema": _BINARY},
        },
    }
}

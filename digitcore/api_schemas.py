"""Requests, responses and errors of the REST API.

The docstrings of the classes and the descriptions of their fields appear in the API's OpenAPI document.

Example:
    >>> PredictRequest(pictures=["eA=="]).all
    False
    >>> Prediction(picture=0, problem="The picture is blank.").digit is None
    True
"""

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, Field

from digitcore.images import SIDE
from digitcore.models.bundle import ModelBundle

MAX_IMAGES = 100  # pictures of a request
PROBLEM_TYPE = "application/problem+json"

Pixel = Annotated[float, Field(ge=0, le=255, strict=True)]
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
Rows = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
FlatDigit = Annotated[list[Pixel], Field(min_length=SIDE * SIDE, max_length=SIDE * SIDE, fail_fast=True)]
Base64 = Annotated[str, Field(pattern=r"^(data:[A-Za-z0-9/+.;=-]*,)?[A-Za-z0-9+/_ \r\n\t-]*={0,2}[ \r\n\t]*$")]
PICTURE_FORMS = (
    f"a picture file in base64, {SIDE} rows of {SIDE} numbers, or {SIDE * SIDE} numbers, "
    "from 0 (paper) to 255 (ink) or from 0 to 1"
)


class PredictRequest(BaseModel, extra="forbid"):
    """The body of a JSON request."""

    pictures: Annotated[list[Base64 | Rows | FlatDigit], Field(min_length=1, max_length=MAX_IMAGES, fail_fast=True)] = Field(
        description=f"Each picture is {PICTURE_FORMS}. The base64 text may contain line breaks, or be a data URL."
    )
    all: bool = Field(
        default=False, strict=True, description="Whether every digit of a picture is predicted, and not only the largest."
    )


class Prediction(BaseModel):
    """The prediction for one digit."""

    picture: int = Field(description="Index of the picture in the request, from 0.")
    digit: int | None = Field(
        default=None, description="Predicted digit, or null if the picture is blank or unreadable.", ge=0, le=9
    )
    unsure: bool = Field(default=True, description="Whether the highest probability is below the model's confidence threshold.")
    probabilities: list[float] = Field(
        default=[], description="Probabilities of the digits 0 to 9, or an empty list without a prediction.", max_length=10
    )
    problem: str | None = Field(
        default=None,
        description="Reason why the picture has no prediction. The other pictures of the request are still predicted.",
    )
    box: tuple[int, int, int, int] | None = Field(
        default=None, description="Left, top, right and bottom of the digit in pixels of the picture."
    )
    digits_found: int = Field(
        default=0, description="Number of digits in the picture. Without “all”, only the largest is predicted."
    )
    line: int = Field(default=0, description="Number of the digit's line of writing in the picture, from 0 at the top.")


class PredictResponse(BaseModel):
    """Predictions in the order of the pictures. With “all”, the digits of a picture are in reading order."""

    model: str = Field(description="Name of the model.")
    version: str = Field(description="First 12 characters of the model's SHA-256.")
    answers: list[Prediction] = Field(description="Predictions of the digits; without “all”, one for each picture.")
    texts: list[list[str]] = Field(
        default=[], description="With “all”, the numbers in each picture, with one text for each line of writing."
    )


class TrainingCounts(BaseModel):
    """The numbers of digits that a model was trained on."""

    drawings: int = Field(description="Number of the user's drawings.")
    mnist_digits: int = Field(description="Number of MNIST digits in an epoch.")
    synthetic_digits: int = Field(description="Number of generated digits in an epoch.")
    pen_digits: int = Field(description="Number of digits in an epoch from the pen drawings of several writers.")
    non_digits: int = Field(description="Number of images in an epoch that show no digit.")
    corrupted_share: float = Field(description="Share of all images except the drawings that an epoch corrupts, 0 to 1.")


class Model(BaseModel):
    """A shipped model."""

    name: str = Field(description="Name of the model, which the parameter “model” takes.")
    version: str = Field(description="First 12 characters of the model's SHA-256.")
    parameters: int = Field(description="Number of parameters.")
    training_data: TrainingCounts = Field(description="Numbers of digits that the model was trained on.")
    mnist_accuracy: float | None = Field(description="Accuracy on MNIST's 10,000 test digits, 0 to 1; null if it is not known.")
    confidence_threshold: float = Field(description="Confidence below which a prediction is unsure, 0 to 1.")

    @classmethod
    def from_bundle(cls, bundle: ModelBundle) -> "Model":
        """Return the description of a model from its card.

        Args:
            bundle: The model.

        Returns:
            The description.

        Example:
            >>> from digitcore import models
            >>> Model.from_bundle(models.load("genius")).name
            'genius'
        """
        card = bundle.card
        return cls(
            name=card.name,
            version=version_of(bundle),
            parameters=card.parameters,
            training_data=TrainingCounts(**asdict(card.training_data)),
            mnist_accuracy=card.metrics.get("mnist_accuracy"),
            confidence_threshold=card.confidence_threshold,
        )


class Health(BaseModel):
    """The state of the server."""

    status: str = Field(description="The text “ok”.")


class Problem(BaseModel):
    """An error, as in RFC 9457."""

    type: str = Field(default="about:blank", description="The text “about:blank”.")
    title: str = Field(description="Kind of the problem in a few words.")
    status: int = Field(description="HTTP status code.")
    detail: str = Field(description="Reason of the problem, and what to do.")


def version_of(bundle: ModelBundle) -> str:
    """Return the first 12 characters of the model's SHA-256. They distinguish models of the same name.

    Args:
        bundle: The model.

    Returns:
        12 hexadecimal digits.

    Example:
        >>> from digitcore import models
        >>> len(version_of(models.load("genius")))
        12
    """
    return bundle.hash[:12]


def describe_problem(problem: Any) -> str:
    """Describe a validation error of a JSON request in a sentence.

    Args:
        problem: An item of `ValidationError.errors()`.

    Returns:
        The reason and the action for the user.

    Example:
        >>> describe_problem({"type": "missing", "loc": ("pictures",)})
        'The field “pictures” is missing. Add it.'
    """
    kind, place = problem["type"], problem["loc"]
    name = str(place[0])[:40] if place else ""
    if kind == "json_invalid":
        return "The body is not valid JSON. Check its quotation marks, commas and brackets."
    if not place:
        return "The body must be a JSON object such as {“pictures”: […]}."
    if kind == "missing":
        return f"The field “{name}” is missing. Add it."
    if kind == "extra_forbidden":
        return f"There is no field “{name}”. Use only the fields “pictures” and “all”."
    if name == "all":
        return "“all” must be true or false."
    if len(place) == 1:
        return f"“pictures” must be a list of 1 to {MAX_IMAGES} pictures."
    return f"Picture {place[1]} cannot be read. Each picture is {PICTURE_FORMS}."


def problem_responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of error responses.

    Args:
        *codes: HTTP status codes.

    Returns:
        Status code → description of its response.

    Example:
        >>> list(problem_responses(404, 413))
        [404, 413]
    """
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
            "image/*": {"schema": _BINARY},
            "application/octet-stream": {"schema": _BINARY},
        },
    }
}

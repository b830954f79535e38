"""The parts of a report. A report has sections, and a section has texts, tables, charts, pictures and code."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from digitcore.displays import Display
from digitcore.report import svg

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 200  # of a table; a longer table says how many rows are left out


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Example:
        >>> Text("3 of 4 drawings are predicted correctly.").kind
        'text'
    """

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Table:
    """A table of texts. The first column names the rows.

    Attributes:
        caption: Title of the table.
        columns: Titles of the columns.
        rows: Cells by rows.
        n_left_out: Number of rows that are left out, because the table would be too long.
        is_text: Whether the cells are sentences, which are aligned left.

    Example:
        >>> Table("Scores", ["Model", "MNIST"], [["genius", "99.7 %"]]).kind
        'table'
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_left_out: int = 0
    is_text: bool = False

    @classmethod
    def from_frame(cls, caption: str, table: "pd.DataFrame") -> "Table":
        """Return a table of numbers as texts. Numbers are rounded to four significant digits.

        Args:
            caption: Title of the table.
            table: The numbers, with readable column titles.

        Example:
            >>> import pandas as pd
            >>> Table.from_frame("Sizes", pd.DataFrame({"Size": [1234567.8, 0.1]})).rows
            [['1,234,568'], ['0.1']]
        """
        rows = [[_cell(value) for value in row] for row in table.head(MAX_ROWS).itertuples(index=False)]
        return cls(caption, [str(name) for name in table.columns], rows, max(0, len(table) - MAX_ROWS))


@dataclass(frozen=True)
class Chart:
    """A chart with its table. Without vl-convert-python, the chart is "" and the report shows the table.

    Attributes:
        svg: The SVG element, or "".
        table: The numbers of the chart.
        title: Title of a chart that has no title of its own.

    Example:
        >>> Chart("", Table("Loss", ["Epoch"], [["1"]])).kind
        'chart'
    """

    kind: ClassVar[str] = "chart"
    svg: str
    table: Table | None = None
    title: str = ""

    @classmethod
    def from_display(cls, display: Display, table: Table | None = None, title: str = "", **options: Any) -> "Chart":
        """Draw a display.

        Args:
            display: The display.
            table: A table that is easier to read than the table of the display.
            title: Title of a chart that has no title of its own.
            options: Arguments of `svg.draw`.

        Example:
            >>> from digitcore import displays
            >>> Chart.from_display(displays.confusion(np.diag([10] * 10))).table.caption  # doctest: +SKIP
            'Confusion matrix. 100 of 100 digits are predicted correctly.'
        """
        return cls(svg.draw(display, **options), table or Table.from_frame(display.alt_text(), display.table()), title)


@dataclass(frozen=True)
class Charts:
    """Charts side by side.

    Example:
        >>> Charts([]).kind
        'charts'
    """

    kind: ClassVar[str] = "charts"
    charts: Sequence[Chart]
    table: Table | None = None


@dataclass(frozen=True)
class Picture:
    """A digit with a caption, which is also its alternative text.

    Attributes:
        url: Data URL of the picture.
        caption: The caption.

    Example:
        >>> Picture.from_digit(np.zeros((28, 28), np.uint8), "true 7").url[:22]
        'data:image/png;base64,'
    """

    url: str
    caption: str

    @classmethod
    def from_digit(cls, digit: np.ndarray, caption: str) -> "Picture":
        """Return a picture of a digit, (28, 28) uint8, with dark ink on white."""
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(255 - digit).save(file, "PNG", optimize=True)
        return cls("data:image/png;base64," + base64.b64encode(file.getvalue()).decode(), caption)


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side.

    Example:
        >>> Pictures([]).kind
        'pictures'
    """

    kind: ClassVar[str] = "pictures"
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Code:
    """Code, for example a command, with a sentence about it.

    Example:
        >>> Code("This command trains the model.", "digitlab train mlp").kind
        'code'
    """

    kind: ClassVar[str] = "code"
    text: str
    code: str


Part = Text | Table | Chart | Charts | Pictures | Code


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes:
        title: The title.
        parts: The parts, from top to bottom.

    Example:
        >>> Section("Data").slug
        'data'
    """

    title: str
    parts: Sequence[Part] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """Name of the section in links."""
        return self.title.lower().replace(" ", "-")


def _cell(value: Any) -> str:
    """Return the text of a cell. A missing value is an en dash."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:.4g}"
    return str(value)

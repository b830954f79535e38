from digitcore import models
from digitcore.evaluation import model_readme
from digitcore.models import registry


def test_readme_is_up_to_date():
    cards = [models.load(name).card for name in models.names()]
    assert (registry.SHIPPED_FOLDER / "README.md").read_text(encoding="utf-8") == model_readme.render(cards), (
        "Run `digitlab evaluate --write`."
    )

import pytest

from digitcore import evaluation, models


@pytest.mark.parametrize("package", [models, evaluation])
def test_dir_lists_the_public_names(package):
    assert set(package.__all__) <= set(dir(package))


@pytest.mark.parametrize("package", [models, evaluation])
def test_every_public_name_can_be_imported(package):
    for name in package.__all__:
        assert getattr(package, name) is not None

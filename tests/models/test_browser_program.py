import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from digitcore import models
from digitcore.errors import ModelError
from digitcore.models import browser_program
from tests.support import javascript


def changed(content, change):
    """Return a .tflite file after `change` was applied to its object in the schema of .tflite files."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    change(model)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_browser_and_server_agree_for_every_shipped_model(data):
    files = {name: models.load(name).tflite_bytes for name in models.names()}
    pictures = [javascript.mnist_pictures(data.test_images[:20]), javascript.pen_pictures(20)]
    parity = javascript.compare(files, np.concatenate(pictures))
    assert parity.is_close, parity


def test_model_with_an_unknown_operation_has_no_program(genius):
    def use_unknown_operation(model):
        model.operatorCodes[0].builtinCode = schema.BuiltinOperator.SIN
        model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.SIN

    assert browser_program.convert(changed(genius.tflite_bytes, lambda model: None)) is not None
    assert browser_program.convert(changed(genius.tflite_bytes, use_unknown_operation)) is None


def test_model_with_an_unknown_option_has_no_program(genius):
    def dilate(model):
        model.subgraphs[0].operators[0].builtinOptions.dilationHFactor = 2

    assert browser_program.convert(changed(genius.tflite_bytes, dilate)) is None


def test_quantized_model_has_no_program(genius):
    def quantize(model):
        for tensor in model.subgraphs[0].tensors:
            tensor.type = schema.TensorType.INT8

    assert browser_program.convert(changed(genius.tflite_bytes, quantize)) is None


def test_large_model_has_no_program(genius, monkeypatch):
    monkeypatch.setattr(browser_program, "MAX_BYTES", 1000)
    assert browser_program.convert(genius.tflite_bytes) is None


@pytest.mark.parametrize("content", [b"", b"no model", b"\xff" * 200])
def test_damaged_file_is_an_error(content):
    with pytest.raises(ModelError, match="not a LiteRT model"):
        browser_program.convert(content)

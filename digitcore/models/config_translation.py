"""Translation of the configurations of older Keras models to the form of Keras 3.

Keras 1 to 3 describe the same layers with different names. The functions here change descriptions only: they neither import Keras
nor decide which layers are allowed. `upload` checks the result.
"""

from typing import Any

Json = dict[str, Any]
MODELS = ("Sequential", "Functional", "Model")
LAYER_MODULE = "keras.layers"
MODEL_MODULES = {"Sequential": "keras", "Functional": "keras.src.models.functional", "Model": "keras.src.models.functional"}
# Modules of older versions, where the same classes were defined.
OLD_MODULES = (
    "keras.src.engine",
    "keras.engine",
    "keras.src.layers",
    "keras.layers",
    "tf_keras",
    "tensorflow.keras",
    "tensorflow.python.keras",
    "keras.models",
    "keras._legacy",  # of Keras 3, for the layers of Keras 2
)
HELPER_MODULES = {"initializer": "keras.initializers", "regularizer": "keras.regularizers", "constraint": "keras.constraints"}
FLOAT32 = "float32"
FLOAT_POLICIES = ("DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1")
RENAMED_CLASSES = {
    "Convolution2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SeparableConvolution2D": "SeparableConv2D",
}
# Keras 1, of which models still exist, used these names.
RENAMED_KEYS = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "gamma_init": "gamma_initializer",
    "init": "kernel_initializer",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "sigma": "stddev",
    "subsample": "strides",
}
DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}
ONLY_FOR_THE_FIRST_LAYER = ("batch_input_shape", "input_dim", "input_dtype", "input_length", "weights")
KERNEL_KEYS = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
# Keys that Keras 2 wrote and that have no effect on a prediction, or only one value.
UNUSED_KEYS = {
    "BatchNormalization": ("fused", "virtual_batch_size", "adjustment", "mode"),
    "DepthwiseConv2D": KERNEL_KEYS,
    "SeparableConv2D": KERNEL_KEYS,
    "SpatialDropout2D": ("noise_shape", "trainable"),
}
# Layers that are idle in predictions. Keras 3 applies them, however, if a model is simply called.
IDLE_LAYERS = (
    "AugMix",
    "CutMix",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHeight",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
    "Solarization",
)
# Arithmetic with a number, such as `x / 255`, by the names of TensorFlow's functions and of Keras 3's operations.
DIVISIONS = ("math.truediv", "math.divide", "realdiv", "truediv", "TrueDivide", "Divide")
PRODUCTS = ("math.multiply", "multiply", "Multiply")
SUMS = ("math.add", "add", "__operators__.add", "Add")
DIFFERENCES = ("math.subtract", "subtract", "__operators__.sub", "Subtract")
KERAS_OPERATIONS = "keras.src.ops.numpy"


def translate(model: Json) -> Json:
    """Return the configuration of a model in the form of Keras 3, without changing the argument.

    The model gets any batch size and computes in float32. Layers that are idle in predictions are replaced. A configuration that
    Keras 3 has written for such a model is not changed. Only `build_config` is dropped, because Keras computes it again.

    Args:
        model: The configuration of a model, with `class_name` and `config`, from an untrusted file.

    Returns:
        The translated configuration. Unknown parts are not changed, so that a later check can name them.

    Example:
        >>> old = {"class_name": "Dense", "config": {"output_dim": 10, "init": "uniform", "batch_input_shape": [None, 784]}}
        >>> new = translate({"class_name": "Sequential", "config": [old]})
        >>> [layer["class_name"] for layer in new["config"]["layers"]]
        ['InputLayer', 'Dense']
        >>> new["config"]["layers"][1]["config"]
        {'units': 10, 'kernel_initializer': 'uniform'}
    """
    translated: Json = _layer(model)
    return translated


def _layer(entry: Any) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
        return entry
    entry = _arithmetic(entry) or entry
    name = RENAMED_CLASSES.get(entry["class_name"], entry["class_name"])
    if name in MODELS and "module" not in entry and name == "Model":
        name = "Functional"
    translated = {key: value for key, value in entry.items() if key not in ("build_config", "__passive_serialization__")}
    translated |= {"class_name": name, "module": _module(entry.get("module"), MODEL_MODULES.get(name, LAYER_MODULE))}
    config = entry.get("config")
    if name in MODELS:
        translated["config"] = _model_config(name, config)
    elif name in IDLE_LAYERS and translated["module"] == LAYER_MODULE and isinstance(config, dict):
        translated |= {"class_name": "Activation", "config": {"name": config.get("name"), "activation": "linear"}}
    elif name == "RandomCrop" and translated["module"] == LAYER_MODULE and isinstance(config, dict):
        # In predictions, Keras 2 crops the middle of the picture in the new aspect ratio, and resizes it.
        kept = {key: config[key] for key in ("name", "height", "width", "data_format") if key in config}
        translated |= {"class_name": "Resizing", "config": kept | {"crop_to_aspect_ratio": True}}
    elif isinstance(config, dict):
        translated["config"] = _layer_config(name, config)
    if isinstance(nodes := entry.get("inbound_nodes"), list):
        translated["inbound_nodes"] = [_node(node) for node in nodes]
    return translated


def _arithmetic(entry: Json) -> Json | None:
    """Return the layer Rescaling for arithmetic with a number, or None for everything else."""
    if entry["class_name"] == "TFOpLambda" and isinstance(entry.get("config"), dict):
        operation = entry["config"].get("function")
    elif entry.get("module") == KERAS_OPERATIONS:
        operation = entry["class_name"]
    else:
        return None
    match entry.get("inbound_nodes"):
        case [[str(), int(), int(), {"y": int() | float() as number, **_rest}] as node]:
            nodes: list[Any] = [[[*node[:3], {}]]]
        case [{"args": [dict() as tensor, int() | float() as number], "kwargs": {}}]:
            nodes = [{"args": [tensor], "kwargs": {}}]
        case _:
            return None
    values = {"scale": 1.0, "offset": 0.0}
    if operation in DIVISIONS and number:
        values["scale"] = 1 / number
    elif operation in PRODUCTS:
        values["scale"] = float(number)
    elif operation in (*SUMS, *DIFFERENCES):
        values["offset"] = float(number if operation in SUMS else -number)
    else:
        return None
    config = {"name": entry.get("name")} | values
    layer = {"module": LAYER_MODULE, "class_name": "Rescaling", "config": config, "registered_name": None}
    return layer | {"name": entry.get("name"), "inbound_nodes": nodes}


def _module(module: Any, modern: str) -> Any:
    """Return the module in which Keras 3 defines a class. Modules of other packages are not changed."""
    if module is None:
        return modern
    is_old = isinstance(module, str) and any(module == old or module.startswith(f"{old}.") for old in OLD_MODULES)
    return modern if is_old and module not in (LAYER_MODULE, "keras.models") else module


def _model_config(name: str, config: Any) -> Any:
    if isinstance(config, list):  # Keras 1 to 2.2 wrote only the layers of a Sequential model.
        config = {"name": "sequential", "layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return config
    translated = dict(config)
    translated["layers"] = [_layer(layer) for layer in config["layers"]]
    if name == "Sequential":
        shape = _input_shape({"class_name": name, "config": config})
        if shape is not None and not _is_input(translated["layers"][0]):
            translated["layers"].insert(0, _input_layer(shape, translated["layers"][0]))
    if isinstance(shape := config.get("build_input_shape"), list):
        translated["build_input_shape"] = _any_batch_size(shape)
    for key in ("input_layers", "output_layers"):
        if key in config:
            translated[key] = _single(config[key])
    if any(isinstance(node, list) for layer in translated["layers"] for node in _nodes(layer)):
        _renumber_calls(translated)
    return translated


def _nodes(layer: Any) -> list[Any]:
    nodes = layer.get("inbound_nodes") if isinstance(layer, dict) else None
    return nodes if isinstance(nodes, list) else []


def _renumber_calls(config: Json) -> None:
    """Change the numbers of the calls of Sequential models. Keras 2 counted a call inside such a model as the first."""
    sequential = {
        layer.get("name") for layer in config["layers"] if isinstance(layer, dict) and layer.get("class_name") == "Sequential"
    }

    def renumber(call: Any) -> Any:
        match call:
            case [str(name), int(number), *rest] if name in sequential and number > 0:
                return [name, number - 1, *rest]
            case list():
                return [renumber(item) for item in call]
        return call

    for layer in config["layers"]:
        if nodes := _nodes(layer):
            layer["inbound_nodes"] = renumber(nodes)
    config["output_layers"] = renumber(config.get("output_layers"))


def _is_input(layer: Any) -> bool:
    return isinstance(layer, dict) and layer.get("class_name") == "InputLayer"


def _input_layer(shape: list[Any], first: Any) -> Json:
    config = first.get("config") if isinstance(first, dict) else None
    name = config.get("name") if isinstance(config, dict) else None
    values = {"batch_shape": _any_batch_size(shape), "dtype": FLOAT32, "name": f"{name or 'sequential'}_input"}
    return {"module": LAYER_MODULE, "class_name": "InputLayer", "config": values, "registered_name": None}


def _input_shape(entry: Any) -> list[Any] | None:
    """Return the input shape that a layer, or the first layer of a model, states in the form of Keras 1 and 2."""
    config = entry.get("config") if isinstance(entry, dict) else None
    if isinstance(config, dict) and isinstance(config.get("layers"), list):
        config = config["layers"]
    if isinstance(config, list):
        return _input_shape(config[0]) if config else None
    if not isinstance(config, dict):
        return None
    for key in ("batch_input_shape", "batch_shape"):
        if isinstance(config.get(key), list):
            return list(config[key])
    return [None, config["input_dim"]] if isinstance(config.get("input_dim"), int) else None


def _any_batch_size(shape: list[Any]) -> list[Any]:
    return [None, *shape[1:]]


def _single(tensors: Any) -> Any:
    """Return the only tensor of a list or a dictionary, so that the model returns a tensor and no list."""
    if isinstance(tensors, dict) and len(tensors) == 1:
        return _single(next(iter(tensors.values())))
    if isinstance(tensors, list) and len(tensors) == 1 and isinstance(tensors[0], list):
        return _single(tensors[0])
    return tensors


def _node(node: Any) -> Any:
    """Return a call of a layer. Keras 3 calls a layer with a list only if it merges several tensors."""
    if isinstance(node, list) and len(node) >= 3 and isinstance(node[0], str):  # Keras 2 wrote a single tensor without a list.
        return [node]
    return node


def _layer_config(name: str, config: Json) -> Json:
    dropped = {*ONLY_FOR_THE_FIRST_LAYER, *UNUSED_KEYS.get(name, ())}
    if config.get("mode"):
        dropped -= {"mode"}
    translated: Json = {}
    if name == "InputLayer" and (shape := _input_shape({"config": config})) is not None:
        translated["batch_shape"] = _any_batch_size(shape)
        dropped |= {"batch_shape"}
    if "nb_row" in config and "nb_col" in config:
        translated["kernel_size"] = [config["nb_row"], config["nb_col"]]
        dropped |= {"nb_row", "nb_col"}
    for key, value in config.items():
        if key not in dropped:
            modern = key if key in ("name", "dtype") else RENAMED_KEYS.get(key, key)
            translated[modern] = _value(name, modern, value)
    return translated


def _value(layer: str, key: str, value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__numpy__" and isinstance(value.get("config"), dict):
        value = value["config"].get("value")
    if key == "dtype":
        return _dtype(layer, value)
    if key == "axis" and layer == "BatchNormalization" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if key == "data_format":
        return DATA_FORMATS.get(value, value) if isinstance(value, str) else value
    if key == "activation" and isinstance(value, str):
        return value.removesuffix("_v2")
    if isinstance(value, dict):
        kind = key.rpartition("_")[2]
        return _helper(value, HELPER_MODULES[kind]) if kind in HELPER_MODULES else _layer(value)
    return value


def _dtype(layer: str, value: Any) -> Any:
    """Return the type in which a layer computes: float32 for every floating-point policy, and for every type of input."""
    if isinstance(value, dict) and value.get("class_name") in FLOAT_POLICIES and isinstance(value.get("config"), dict):
        policy = value["config"].get("name")
        is_modern = value["class_name"] == "DTypePolicy" and "module" in value and value["config"] == {"name": FLOAT32}
        return value if is_modern or not _is_float(policy) else FLOAT32
    return FLOAT32 if _is_float(value) or (layer == "InputLayer" and isinstance(value, str)) else value


def _is_float(policy: Any) -> bool:
    return isinstance(policy, str) and policy.removeprefix("mixed_") in ("float16", "bfloat16", FLOAT32, "float64")


def _helper(value: Json, module: str) -> Json:
    """Return an initializer, a regularizer or a constraint in the form of Keras 3."""
    if "class_name" not in value and isinstance(value.get("name"), str):  # Keras 1
        values = {"max_value" if key == "m" else key: part for key, part in value.items() if key != "name"}
        name = "L1L2" if module.endswith("regularizers") else value["name"]
        return {"module": module, "class_name": name, "config": values, "registered_name": None}
    config = value.get("config")
    if not isinstance(config, dict):
        return value
    modern = {key: _value("", key, part) for key, part in config.items() if key != "dtype"}
    if modern.get("distribution") == "normal":
        modern["distribution"] = "truncated_normal"
    translated = {key: part for key, part in value.items() if key != "__passive_serialization__"}
    return translated | {"module": value.get("module") or module, "config": modern}

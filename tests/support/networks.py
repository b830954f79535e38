"""Descriptions of networks that must be rejected, each with a part of the error message."""

import json

from digitcore.models.network_spec import MAX_BLOCKS


def rows(*blocks, **values):
    return json.dumps({"blocks": list(blocks)} | values)


CONV, UNITS = {"kind": "conv", "size": 8}, {"kind": "dense", "size": 8}
HOSTILE = {
    "a billion parameters": (rows({"kind": "dense", "size": 1024}, *[{"kind": "dense", "size": 1024}] * 11), "parameters"),
    "a billion multiplications": (rows(*[{"kind": "conv", "size": 128, "kernel_size": 5}] * 2), "multiplications"),
    "no filters": (rows({"kind": "conv", "size": 0}), "Row 1: the number of filters"),
    "a kernel larger than the picture": (
        rows(*[CONV | {"pooling": True}] * 3, CONV | {"kernel_size": 5}),
        "Row 4: a kernel of 5",
    ),
    "500 rows": (rows(*[UNITS] * 500), f"Use at most {MAX_BLOCKS}"),
    "text for a number": (rows(CONV, {"kind": "dense", "size": "many"}), "Row 2: the number of units"),
    "a pooled pixel": (rows(*[CONV | {"pooling": True, "kernel_size": 1}] * 5), "cannot be pooled"),
    "a convolution after a dense layer": (rows(UNITS, CONV), "Move the convolution up"),
    "dropout of all": (rows(CONV | {"dropout": 1}), "dropout"),
    "not a number": (rows(CONV | {"dropout": float("nan")}), "dropout"),
    "an unknown layer": (rows({"kind": "lambda", "size": 3}), "conv, dense"),
    "an unknown value": (rows(CONV | {"code": "import os"}), "Row 1 must have"),
    "an unknown activation": (rows(CONV, activation="exec"), "activation"),
    "a misspelt key": ('{"blocks":[],"activaton":"tanh"}', "no 'activaton'"),
    "pooling in words": (rows(CONV | {"pooling": "yes"}), "true or false"),
    "a list": ("[]", "A network is JSON"),
    "brackets": ("{" * 9_000, "A network is JSON"),
    "nothing": ("", "A network is JSON"),
    "blocks of no list": (rows(activation="relu").replace("[]", "7"), "A network is JSON"),
    "very long text": ("{" + " " * 200_000 + "}", "A network is JSON"),
}

# mypy: ignore-errors
"""The inverses of flows that are loops, as ONNX functions: the operators of `trisect.runs.export.graphs`.

Needs the package onnxscript, which reads the source of these functions instead of running it; so their types are not
checked. Each becomes one `Loop` for any number of latents. Unrolled, the inverse of a flow of 16 latents would have
about 1500 nodes and a copy of its weights for every latent.
"""

from __future__ import annotations

from onnxscript import FLOAT, script
from onnxscript import opset18 as op


@script()
def affine_inverse(z: FLOAT, first: FLOAT, middle: FLOAT, last: FLOAT, limit: FLOAT) -> FLOAT:
    """Inverts one latent after the other; later latents are 0 meanwhile, and the masked weights ignore them."""
    x = z * 0.0
    num_latents = op.Size(limit)
    columns = op.Range(0, num_latents, 1)
    for i in range(num_latents):
        a = op.MatMul(x, first[:-1]) + first[-1]
        b = op.MatMul(a * op.Sigmoid(a), middle[:-1]) + middle[-1]
        shift, raw = op.Split(op.MatMul(b * op.Sigmoid(b), last[:-1]) + last[-1], num_outputs=2, axis=1)
        log_scale = op.Tanh(raw / op.Max(limit, 1.0)) * limit
        x = op.Where(op.Equal(columns, i), z * op.Exp(-log_scale) - shift, x)
    return x


@script()
def curve_inverse(z: FLOAT, slope: FLOAT, height: FLOAT, sharpness: FLOAT, centre: FLOAT) -> FLOAT:
    """Bisection within the bounds of the curve, then one Newton step."""
    last = op.Constant(value_ints=[-1])
    reach = op.ReduceSum(height, last, keepdims=0)
    low = (z - reach) / slope
    high = (z + reach) / slope
    for _ in range(60):
        middle = (low + high) / 2.0
        step = op.Tanh(sharpness * (op.Unsqueeze(middle, last) - centre))
        below = op.Less(slope * middle + op.ReduceSum(height * step, last, keepdims=0), z)
        low = op.Where(below, middle, low)
        high = op.Where(below, high, middle)
    x = (low + high) / 2.0
    end = op.Tanh(sharpness * (op.Unsqueeze(x, last) - centre))
    value = slope * x + op.ReduceSum(height * end, last, keepdims=0)
    steepness = slope + op.ReduceSum(height * sharpness * (1.0 - end * end), last, keepdims=0)
    return x + (z - value) / steepness

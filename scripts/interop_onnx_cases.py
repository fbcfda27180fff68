"""interop_onnx_cases.py - ONNX's own test cases, as Debian's libonnx-testdata has them.

    /usr/bin/python3 scripts/interop_onnx_cases.py BUILD [-v]

BUILD is a build with its tests (it holds `logits`); needs Debian's python3-onnx and libonnx-testdata. Every
case with an operator that onnx.def knows is run: its first input as rows, the others as constants, as they
are where a network has them. Linnet has to give the case's output within 1e-6 of the largest, or to
refuse the case; those that test what a fully connected network is made of (NEEDED) may not be refused.
Prints how many were refused for which reason; -v names each case and what came of it.
"""

import collections
import fnmatch
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

DATA = "/usr/share/libonnx-testdata/data"
GROUPS = ["node", "pytorch-converted", "pytorch-operator", "simple"]
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "format", "onnx.def")
TOLERANCE = 1e-6
# What a fully connected network is tested by: these have to be taken, whatever else is refused.
NEEDED = """
    pytorch-converted/test_{Linear*,ELU,LeakyReLU*,ReLU,SELU,Sigmoid,Softmax,LogSoftmax,Softmin,Softplus,Softsign,
    Tanh,PReLU_*,BatchNorm1d*,softmax_lastdim,log_softmax_lastdim}
    pytorch-operator/test_operator_{mm,flatten,selu,clip}
    node/test_{relu,elu*,selu_default,celu,leakyrelu*,thresholdedrelu*,sigmoid*,tanh*,softplus*,softsign*,hardswish,identity,
    clip,clip_example,clip_inbounds,clip_outbounds,clip_splitbounds,clip_default_min,clip_default_max,
    softmax_axis_1,softmax_axis_2,softmax_negative_axis,softmax_default_axis,softmax_example,softmax_large_number,
    logsoftmax_axis_1,logsoftmax_axis_2,logsoftmax_negative_axis,logsoftmax_default_axis,logsoftmax_example_1,
    logsoftmax_large_number,dropout_default,dropout_default_ratio,dropout_default_old,dropout_random_old,
    flatten_axis1,flatten_default_axis,gemm_alpha,gemm_beta,gemm_default_no_bias,gemm_default_scalar_bias,
    gemm_default_single_elem_vector_bias,gemm_default_vector_bias,gemm_default_zero_bias,gemm_transposeB,matmul_2d,
    shrink_hard,shrink_soft,layer_normalization_default_axis,layer_normalization_2d_axis1,
    layer_normalization_?d_axis[123]*,layer_normalization_?d_axis_negative_1*,layer_normalization_[34]d_axis_negative_2*,
    layer_normalization_4d_axis_negative_3}
    simple/test_{shrink,single_relu_model}"""


# ---- the cases ----

def operators():
    """Those that stand in onnx.def."""
    with open(TABLE) as file:
        return set(re.findall(r"\b([A-Z]\w*)\(", file.read()))


def find_cases(known):
    for group in GROUPS:
        for name in sorted(os.listdir(os.path.join(DATA, group))):
            path = os.path.join(DATA, group, name, "model.onnx")
            if os.path.exists(path):
                model = onnx.load(path)
                if any(node.op_type in known for node in model.graph.node):
                    yield f"{group}/{name}", model


def read_tensor(path):
    """None where it holds something else than a tensor."""
    tensor = onnx.TensorProto()
    with open(path, "rb") as file:
        tensor.ParseFromString(file.read())
    return numpy_helper.to_array(tensor)


def constants_of(model, folder):
    """The case's rows and output; its other inputs become initializers of the model."""
    given = {tensor.name for tensor in model.graph.initializer}
    rows = None
    for i, value in enumerate(list(model.graph.input)):
        path = os.path.join(folder, f"input_{i}.pb")
        if value.name in given or not os.path.exists(path):
            continue
        array = read_tensor(path)
        if rows is None:
            rows = array
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
            model.graph.input.remove(value)
    if rows is not None and rows.ndim == 1:  # one row, which gets its batch
        rows = rows[None]
        model.graph.input[0].type.tensor_type.shape.dim.insert(0, onnx.TensorShapeProto.Dimension(dim_value=1))
    # A second output, such as Dropout's mask, is nobody's here.
    del model.graph.output[1:]
    return rows, read_tensor(os.path.join(folder, "output_0.pb"))


def run_case(build, name, model, work):
    """None where the output is right, or why not."""
    path, data, out = (os.path.join(work, file) for file in ("case.onnx", "rows.npy", "out"))
    try:
        rows, expected = constants_of(model, os.path.join(DATA, name, "test_data_set_0"))
    except Exception as problem:  # sequences and strings
        return f"no rows of numbers: {type(problem).__name__}"
    if rows is None or rows.ndim == 0 or rows.dtype.kind not in "fiu":
        return "no rows of numbers"
    onnx.save(model, path)
    with np.errstate(over="ignore"):
        np.save(data, rows.astype(np.float32) if rows.dtype.kind == "f" else rows)
    done = subprocess.run([os.path.join(build, "logits"), path, data, "64", out], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip().split("\n")[0].replace(path, "case.onnx")
    found = np.fromfile(out, dtype=np.float32)
    if found.size != expected.size:
        return f"WRONG: {found.size} outputs, expected {expected.size}"
    expected = expected.astype(np.float64).ravel()
    apart = np.abs(found - expected).max(initial=0) / max(1, np.abs(expected).max(initial=0))
    return None if apart <= TOLERANCE else f"WRONG: {apart:.3g} apart"


# ---- what has to be taken ----

def needed(name):
    for word in re.findall(r"\S+\{[^}]*\}|\S+", NEEDED):
        head, _, choices = word.partition("{")
        for choice in choices.rstrip("}").split(",") if choices else [""]:
            if fnmatch.fnmatchcase(name, head + choice.strip()) and not name.endswith("_expanded"):
                return True
    return False


def main():
    build, verbose = os.path.abspath(sys.argv[1]), "-v" in sys.argv
    taken, refused, failed = 0, collections.Counter(), 0
    with tempfile.TemporaryDirectory() as work:
        for name, model in find_cases(operators()):
            why = run_case(build, name, model, work)
            taken += why is None
            bad = why is not None and (needed(name) or why.startswith("WRONG"))
            failed += bad
            if why is not None:
                refused[re.sub(r"node '?[^ ]*'? ", "node ", re.split("onnx: |npy: ", why)[-1])] += 1
            if verbose or bad:
                print(f"{'FAILED' if bad else 'taken' if why is None else 'refused'}: {name}{': ' + why if why else ''}")
    for why, count in refused.most_common():
        print(f"refused {count:3}: {why}")
    print(f"{taken} cases taken, {sum(refused.values())} refused, {failed} failed")
    sys.exit(failed > 0 or taken < 120)


main()

"""peer_onnxruntime.py - the contender ONNX Runtime: a graph of Gemm and Relu, all its optimizations on, input
and output bound beforehand.
"""

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import peer


def graph(job):
    nodes, values, name = [], [], "x"
    layers = len(job.sizes) - 1
    for i in range(layers):
        values.append(numpy_helper.from_array(peer.weight(job, i), "w%d" % i))
        values.append(numpy_helper.from_array(peer.bias(job, i), "b%d" % i))
        last = i + 1 == layers
        out = "y" if last else "g%d" % i
        nodes.append(helper.make_node("Gemm", [name, "w%d" % i, "b%d" % i], [out], transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [out], ["r%d" % i]))
            name = "r%d" % i
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [job.batch, job.sizes[0]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [job.batch, job.sizes[-1]])
    model = helper.make_model(helper.make_graph(nodes, "head", [x], [y], values),
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()


def open_job(job):
    if job.work != "forward" or job.precision != "fp32":
        raise peer.Unable("only forward in fp32")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(graph(job), options, providers=["CPUExecutionProvider"])
    x = peer.features(job, job.batch)
    y = numpy.zeros((job.batch, job.sizes[-1]), numpy.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output("y", "cpu", 0, numpy.float32, list(y.shape), y.ctypes.data)

    def once():
        session.run_with_iobinding(binding)

    def turn(laps, bound=(x, y)):  # the binding does not keep its arrays alive
        peer.repeat(laps, once)

    once()
    return turn, float(numpy.abs(y.astype(numpy.float64)).mean())


peer.main("ONNX Runtime", onnxruntime.__version__, open_job)

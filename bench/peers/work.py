"""work.py - what is measured: the rows of the tables, and the contenders for each of them."""

import os

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = "/usr/share/datasets/fashion-mnist"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"

HEAD = ("Sequential(Dropout(0.5), Linear(1536,1024), ReLU(inplace=True), Dropout(0.5), Linear(1024,1024), "
        "ReLU(inplace=True), Linear(1024,1000))", [1536, 1024, 1024, 1000])
SMALL = ("Sequential(Linear(64,64), ReLU(), Linear(64,10))", [64, 64, 10])
# As scripts/demo trains.
DEMO = {"model": "Sequential(Flatten(), Dropout(0.2), Linear(784,1024), ReLU(), Dropout(0.5), "
                 "Linear(1024,1024), ReLU(), Linear(1024,10))",
        "optim": "Adam(lr=0.0005)", "batch": 128, "epochs": 9}
OPTIMS = {"sgd": "SGD(lr=0.01, momentum=0.9)", "adam": "Adam(lr=0.001)"}

# Contenders beside Linnet, in the tables' order, and the names of all.
CONTENDERS = ["onednn", "onnxruntime", "openblas", "torch"]
TITLES = {"linnet": "Linnet", "linnet32": "Linnet, fp32", "onednn": "oneDNN", "onnxruntime": "ONNX Runtime",
          "openblas": "OpenBLAS", "torch": "PyTorch"}


# ---- the rows ------------------------------------------------------------------------------------------


class Row:
    """One piece of work: what is computed, and how fast the machine could at most."""

    def __init__(self, id, text, group, model, work, batch, threads, precision="fp32", optim="", isa=None):
        self.id, self.text, self.group, self.work = id, text, group, work
        self.batch, self.threads, self.precision, self.optim, self.isa = batch, threads, precision, optim, isa
        self.model, self.sizes = model
        products = [a * b for a, b in zip(self.sizes, self.sizes[1:])]
        if work == "training":
            # Forward, the weights' gradients, and the inputs' gradients but the first, which nobody needs.
            self.flops = 2 * batch * (3 * sum(products) - products[0])
        else:
            self.flops = 2 * batch * sum(products)
        # Read at least once: the weights, in the type in which they are stored.
        self.bytes = sum(products) * (4 if precision == "fp32" else 2)

    def arguments(self):
        return ["work=" + self.work, "model=" + self.model, "sizes=" + ",".join(map(str, self.sizes)),
                "batch=%d" % self.batch, "threads=%d" % self.threads, "precision=" + self.precision,
                "optim=" + self.optim, "bytes=%d" % self.bytes]


def threads_text(threads):
    return "1 thread" if threads == 1 else "%d threads" % threads


def all_rows():
    rows = []

    def add(id, group, text, threads, *arguments, **options):
        rows.append(Row("%s/%d" % (id, threads), "%s, %s" % (text, threads_text(threads)), group, *arguments,
                        threads=threads, **options))

    for threads in 1, 2:
        for batch in 1, 8, 64, 512:
            add("forward/fp32/%d" % batch, "Forward, fp32", "batch %d" % batch, threads, HEAD, "forward",
                batch)
    for threads in 1, 2:
        add("forward/avx2/64", "Forward, fp32, AVX2 only", "batch 64", threads, HEAD, "forward", 64,
            isa="avx2")
    for threads in 1, 2:
        for batch in 64, 512:
            add("forward/bf16/%d" % batch, "Forward, bf16", "batch %d" % batch, threads, HEAD, "forward",
                batch, precision="bf16")
        add("forward/bf16-weights/1", "Forward, bf16", "weights alone in bf16, batch 1", threads, HEAD,
            "forward", 1, precision="bf16-weights")
    add("forward/small/1", "Small model, " + SMALL[0], "batch 1", 1, SMALL, "forward", 1)
    for name, optim in OPTIMS.items():
        for threads in 1, 2:
            for batch in 64, 256, 1024:
                add("training/%s/fp32/%d" % (name, batch), "Training step, fp32, " + optim,
                    "batch %d" % batch, threads, HEAD, "training", batch, optim=optim)
    for threads in 1, 2:
        for batch in 256, 1024:
            add("training/sgd/bf16/%d" % batch, "Training step, bf16, " + OPTIMS["sgd"], "batch %d" % batch,
                threads, HEAD, "training", batch, precision="bf16", optim=OPTIMS["sgd"])
    return rows


# ---- the contenders ------------------------------------------------------------------------------------


class Setting:
    """One way of running a contender; where there are several, the fastest counts."""

    def __init__(self, contender, label, command, environment=None, arguments=()):
        self.contender, self.label, self.command = contender, label, command
        self.environment, self.arguments = environment or {}, list(arguments)


def environment_python():
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    return os.path.join(os.environ.get("LINNET_PEERS_ENV", os.path.join(cache, "linnet-peers")), "bin/python")


def torch_settings(row, python):
    """PyTorch's own threads are OpenMP's; those of its BLAS are OpenMP's too, or a second pool."""
    command = [python, os.path.join(HERE, "peer_torch.py")]
    pools = ["pthread", "openmp"]
    settings = []
    for pool in pools:
        path = "%s/openblas-%s" % (LIBRARIES, pool)
        if not os.path.isdir(path):
            continue
        for own, blas in [(1, 1)] if row.threads == 1 else [(2, 2), (1, 2)]:
            if pool == "openmp" and own != blas:
                continue
            settings.append(Setting(
                "torch", "%d+%d %s" % (own, blas, pool), command,
                {"LD_LIBRARY_PATH": path, "OPENBLAS_NUM_THREADS": str(blas)}, ["threads=%d" % own]))
    return settings or [Setting("torch", "", command)]


def settings_for(row, build):
    """Every contender that is there."""
    linnet = [os.path.join(build, "peer_linnet")]
    isa = {"LINNET_ISA": row.isa} if row.isa else {}
    result = [Setting("linnet", "", linnet, isa), Setting("peak", "", linnet, isa, ["work=peak"])]
    if row.work == "forward":
        result.append(Setting("bandwidth", "", linnet, isa, ["work=bandwidth"]))
    if row.precision != "fp32":
        result.append(Setting("linnet32", "", linnet, isa, ["precision=fp32"]))
    omp = {"OMP_NUM_THREADS": str(row.threads)}
    if row.isa == "avx2":
        omp.update(ONEDNN_MAX_CPU_ISA="AVX2", DNNL_MAX_CPU_ISA="AVX2", OPENBLAS_CORETYPE="Haswell")
    for primitive in "matmul", "inner_product":
        result.append(Setting("onednn", primitive, [os.path.join(build, "peer_onednn")], omp,
                              ["setting=" + primitive]))
    result.append(Setting("openblas", "", [os.path.join(build, "peer_openblas")], omp))
    python = environment_python()
    if row.isa is None:
        result.append(Setting("onnxruntime", "", [python, os.path.join(HERE, "peer_onnxruntime.py")]))
        result += torch_settings(row, "/usr/bin/python3")
    return [setting for setting in result if os.path.exists(setting.command[0])]


def demo_commands(build, epochs, directory):
    """Each contender's way to train the demo's model, into `directory`."""
    train = os.path.join(IMAGES, "train-images-idx3-ubyte.gz")
    labels = os.path.join(IMAGES, "train-labels-idx1-ubyte.gz")
    common = [str(DEMO["batch"]), str(epochs)]
    return [
        Setting("linnet", "", [
            os.path.join(build, "linnet"), "train", train, "--labels", labels, "--val-fraction", "0.1",
            "--standardize", "--batch-size", common[0], "--epochs", common[1], "--optim", DEMO["optim"],
            "--model", DEMO["model"], "-o", os.path.join(directory, "linnet.safetensors")]),
        Setting("torch", "", [
            "/usr/bin/python3", os.path.join(HERE, "demo_torch.py"), IMAGES, DEMO["model"], DEMO["optim"],
            *common, os.path.join(directory, "torch.pt")])]

"""Writes the files of this folder, as numpy, zipfile, gzip and safetensors write them.

    python3 make_formats.py        (numpy 1.24, safetensors 0.5; the files are kept in the repository)

sd.safetensors is not made here: PyTorch 2.6.0 and safetensors wrote it from the state_dict of a small
Sequential.
"""
import gzip
import io
import os
import struct
import zipfile

import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


# ---- npy: one file a dtype, each 0, 1, 2, ... in the shape (2, 3) ----
for dtype in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1".split():
    np.save(f"{dtype}.npy", np.arange(6).reshape(2, 3).astype(dtype))
np.save("big_f4.npy", np.arange(6).reshape(2, 3).astype(">f4"))
np.save("big_i8.npy", np.arange(6).reshape(2, 3).astype(">i8"))
np.save("fortran_f4.npy", np.asfortranarray(np.arange(24, dtype="f4").reshape(2, 3, 4)))
np.save("scalar_f8.npy", np.float64(2.5))
np.save("empty_f4.npy", np.zeros((0, 3), "f4"))
np.save("vector_i4.npy", np.arange(5, dtype="i4"))
write("version2_f4.npy", npy(np.arange(6, dtype="f4"), (2, 0)))
write("version3_f4.npy", npy(np.arange(6, dtype="f4"), (3, 0)))
np.save("complex.npy", np.zeros(2, "c8"))
np.save("object.npy", np.array([{}, []], dtype=object), allow_pickle=True)
np.save("record.npy", np.zeros(2, [("a", "f4"), ("b", "i4")]))

# ---- npz ----
arrays = {
    "x": np.arange(12, dtype="f4").reshape(4, 3),
    "y": np.array([0, 1, 2, 1]),
    "nested/name": np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    "none": np.zeros((0,), "u1"),
}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
np.savez_compressed("zeros.npz", x=np.zeros((100, 1000), "f4"))
np.savez("empty.npz")
# Names of classes: as numpy keeps them, in bytes, and what are none.
names = {"x": np.zeros((2, 3), "f4"), "y": np.array([1, 0])}
np.savez("classes_u.npz", **names, classes=np.array(["tulpe", "gänseblümchen", "菊", "\U0001f33b", ""]))
np.savez("classes_big.npz", **names, class_names=np.array(["a\"b", "c"]).astype(">U3"))
np.savez("classes_s.npz", **names, classes=np.array(["rot".encode(), "grün".encode()]))
np.savez("classes_2d.npz", **names, classes=np.array([["a", "b"]]))
np.savez("classes_surrogate.npz", **names, classes=np.array(["a", "\ud800"]))
np.savez("classes_latin1.npz", **names, classes=np.array([b"a", b"\xe4"]))
np.savez("classes_beyond.npz", **names, classes=np.array([0x61, 0x1010000], "<u4").view("<U1"))
np.savez("texts.npz", x=names["x"], y=np.array(["a", "b"]))
np.savez("texts_alone.npz", paths=np.array(["a/b", "c"]))
np.savez("beside.npz", meta=np.array([{}, None], dtype=object), **names, point=np.zeros(2, [("a", "f4"), ("b", "i4")]))
with zipfile.ZipFile("foreign.npz", "w") as archive:
    archive.writestr("readme.txt", "no array")
with zipfile.ZipFile("torch.npz", "w") as archive:
    archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
with zipfile.ZipFile("bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
    archive.writestr("x.npy", npy(np.zeros(100, "f4")))
with zipfile.ZipFile("twice.npz", "w") as archive:
    archive.writestr("x.npy", npy(np.zeros(1, "f4")))
    archive.writestr("x.npy", npy(np.zeros(2, "f4")))
with zipfile.ZipFile("damaged_npy.npz", "w") as archive:
    archive.writestr("x.npy", npy(np.zeros(2, "f4"))[:-1])
with zipfile.ZipFile("small_npy.npz", "w") as archive:
    archive.writestr("x.npy", b"\x93NUMPY")

# ---- IDX and gzip ----
idx = b"\0\0\x08\x02" + struct.pack(">II", 40, 3) + bytes(i % 256 for i in range(120))
write("idx", idx)
write("idx.gz", gzip.compress(idx, mtime=0))
write("idx_two_members.gz", gzip.compress(idx[:70], mtime=0) + gzip.compress(idx[70:], mtime=0))
write("idx_long.gz", gzip.compress(idx + b"\0", mtime=0))
write("idx_bomb.gz", gzip.compress(idx + bytes(1 << 20), mtime=0))
write("idx_liar.gz", gzip.compress(b"\0\0\x08\x01\xff\xff\xff\xff" + bytes(100), mtime=0))
write("npy.gz", gzip.compress(npy(np.arange(6, dtype="f4")), mtime=0))
write("empty.gz", gzip.compress(b"", mtime=0))


# ---- safetensors: every dtype, names that need escapes, no elements, no dimensions ----
def write_safetensors():
    from safetensors import serialize

    sizes = {"bool": 1, "uint8": 1, "int8": 1, "float8_e5m2": 1, "float8_e4m3fn": 1, "int16": 2,
             "uint16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4, "float32": 4,
             "float64": 8, "int64": 8, "uint64": 8}
    tensors = {f"all.{dtype}": {"dtype": dtype, "shape": [3], "data": bytes(range(3 * size))}
               for dtype, size in sizes.items()}
    tensors["a\"\\/\b\f\n\r\t\x01\x1f\x7f\u00e9\U0001f600"] = {
        "dtype": "float32", "shape": [], "data": b"\0\0\x80\x3f"}
    tensors["none"] = {"dtype": "float32", "shape": [0, 2], "data": b""}
    write("reference.safetensors", bytes(serialize(tensors, {"note": "two\nlines, \"quoted\", \u00e9"})))


write_safetensors()

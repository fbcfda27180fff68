"""Writes the files of this folder that PyTorch itself would not write.

    python3 make_torch.py        (Python's zipfile and tarfile; the files are kept in the repository)

All other files here were written by PyTorch 2.6.0.
"""
import io
import os
import struct
import tarfile
import zipfile

os.chdir(os.path.dirname(os.path.abspath(__file__)))

FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def pack(name, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(name, "w", method) as archive:
        for entry, data in entries:
            archive.writestr(zipfile.ZipInfo(entry, FIRST_DAY), data, method)


def entries(name):
    with zipfile.ZipFile(name) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def text(string):
    return b"X" + struct.pack("<I", len(string)) + string.encode()


def tensor(storage, key, count):
    """_rebuild_tensor_v2 of a whole storage of `count` elements, as torch.save has it."""
    return (b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\n" + storage.encode()
            + b"\n" + text(key) + text("cpu") + b"K" + bytes([count]) + b"tQK\0K" + bytes([count])
            + b"\x85K\1\x85\x89ccollections\nOrderedDict\n)RtR")


# ---- the state_dict of sd_zip.pt, packed again by somebody ----
weights = entries("sd_zip.pt")
pack("deflated.pt", sorted(weights), zipfile.ZIP_DEFLATED)
pack("without_prefix.pt", [(name.split("/", 1)[1], data) for name, data in weights])
pack("bzip2.pt", weights, zipfile.ZIP_BZIP2)
pack("bomb.pt", [("a/data.pkl", b"\x80\x02" + bytes(20_000_000)), ("a/version", b"3\n")],
     zipfile.ZIP_DEFLATED)

# ---- a file of a big-endian machine ----
pickle = b"\x80\x02}("
big = []
for key, (storage, form, values) in enumerate([
        ("FloatStorage", ">f", [1.5, -2.0, 3.25]), ("DoubleStorage", ">d", [0.1, 1e300]),
        ("LongStorage", ">q", [-2, 2**40]), ("HalfStorage", ">e", [0.5, -1.0]),
        ("IntStorage", ">i", [7, -70000]), ("ShortStorage", ">h", [-300]), ("ByteStorage", ">B", [1, 2])]):
    pickle += text(storage) + tensor(storage, str(key), len(values))
    big.append((f"big/data/{key}", b"".join(struct.pack(form, value) for value in values)))
pack("big_endian.pt", [("big/data.pkl", pickle + b"u."), ("big/byteorder", b"big")] + big
     + [("big/version", b"3\n")])

# ---- before PyTorch 0.4 ----
with tarfile.open("before_0_4.pt", "w", format=tarfile.PAX_FORMAT) as archive:
    for name in ("sys_info", "pickle", "tensors", "storages"):
        data = b"\x80\x02}."
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))

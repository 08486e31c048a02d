#!/usr/bin/env python3
"""Writes the seeds of tests/fuzz/fuzz_pickle.c: small files of torch.save, and pickles alone.

usage: make_pickles.py tests/fuzz/fuzz_pickle              (needs torch)
"""
import io
import os
import struct
import sys
import zipfile
from collections import OrderedDict

import torch


def bare(tensor):
    """The pickle between the containers that fuzz_pickle.c puts around it: "x", and a storage "0" of four floats."""
    file = io.BytesIO()
    torch.save(OrderedDict(w=tensor), file)
    with zipfile.ZipFile(file) as archive:
        return b"x" + archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))


def small(file):
    """torch pads each entry to 64 bytes for mmap; a seed is better without."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if not name.endswith(("version", "serialization_id", ".format_version", ".storage_alignment")):
                new.writestr(zipfile.ZipInfo(name), old.read(name))
    return out.getvalue()


def zip64(archive):
    """The same archive with every number in zip64's fields, as it would be over 4 GiB."""
    local = central = b""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        infos = old.infolist()
        for info in infos:
            name, data = info.filename.encode(), old.read(info)
            sizes = struct.pack("<HHQQQ", 1, 24, len(data), len(data), len(local))
            central += struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, info.CRC, 2**32 - 1, 2**32 - 1,
                                   len(name), len(sizes), 0, 0, 0, 0, 2**32 - 1) + name + sizes
            sizes = sizes[:-8].replace(b"\x18", b"\x10", 1)
            local += struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, info.CRC, 2**32 - 1, 2**32 - 1, len(name),
                                 len(sizes)) + name + sizes + data
    at, n = len(local), len(infos)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, n, n, len(central), at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + len(central), 1)
    return local + central + end64 + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1,
                                                           2**32 - 1, 0)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    four = torch.arange(4, dtype=torch.float32)
    state = OrderedDict(w=four.reshape(2, 2).t(), b=torch.zeros(2, dtype=torch.float16))
    state._metadata = OrderedDict([("", {"version": 1})])
    nested = {"epoch": 3, "loss": 0.5, "none": None, "list": [1, 2 ** 40], "state_dict": {"b": torch.tensor([True])}}
    saved = {}
    for name, value in (("state", state), ("nested", nested)):
        file = io.BytesIO()
        torch.save(value, file)
        saved["zip_" + name] = small(file)
        file = io.BytesIO()
        torch.save(value, file, _use_new_zipfile_serialization=False)
        saved["legacy_" + name] = file.getvalue()
    saved["zip64"] = zip64(saved["zip_state"])
    saved["pickle"] = bare(four)
    saved["pickle_view"] = bare(four.reshape(2, 2).t())
    saved["pickle_parameter"] = bare(torch.nn.Parameter(four))
    file = io.BytesIO()
    torch.save({"w": four}, file, pickle_protocol=4)
    with zipfile.ZipFile(file) as archive:
        saved["pickle_protocol4"] = b"x" + archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))
    for name, content in saved.items():
        with open(os.path.join(folder, name), "wb") as out:
            out.write(content)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])

"""Reading a file in the safetensors format, without the safetensors library.

Hugging Face, safetensors, section *Format*: https://github.com/huggingface/safetensors

Symbols::

    N             the length of the header: the first 8 bytes, little-endian
    BEGIN, END    data_offsets: bytes of a tensor, counted from the end of the header
"""

import json
import math
import mmap
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
LARGEST_HEADER = 100_000_000  # bytes; the library has the same limit


class Entry(NamedTuple):
    """Where a tensor is in a file, and how its bytes are read."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int  # of its bytes, counted from the start of the file
    end: int


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of pairs; a name that stands twice is refused."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice in the header")
    return found


def is_entry(entry: Any) -> bool:
    """Whether an entry of the header has a type, a shape and two offsets."""
    match entry:
        case {"dtype": str(), "shape": [*shape], "data_offsets": [begin, end]}:
            numbers = [*shape, begin, end]
            return all(type(n) is int and 0 <= n < 2**63 for n in numbers)
    return False


def parse_header(text: bytes) -> dict[str, Any]:
    """The entries of a header by name, without those that are not tensors.

    Raises
    ------
    ValueError
        If the text is not UTF-8 or not JSON, has a name twice, or is not an object of
        entries.
    """
    try:
        header = json.loads(text.decode(), object_pairs_hook=without_duplicates)
    except RecursionError as error:
        raise ValueError("the header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError(f"the header is no JSON object, but {header!r:.40}")
    header.pop("__metadata__", None)
    for name, entry in header.items():
        if not is_entry(entry):
            raise ValueError(f"{name} is no tensor, but {entry!r:.80}")
    return header


def read_header(file: bytes | mmap.mmap) -> dict[str, Entry]:
    """The tensors of a file by name; only the header is read.

    Raises
    ------
    ValueError
        If the header is longer than the file, or as :func:`parse_header`; if a type is
        unknown; if the bytes of a tensor do not fit its shape; or if the tensors do not
        fill the file one after the other.
    """
    size = int.from_bytes(file[:8], "little")
    start = 8 + size
    if size > LARGEST_HEADER or len(file) < max(8, start):
        raise ValueError(f"a header of {size} bytes in a file of {len(file)} bytes")
    entries = {}
    for name, entry in parse_header(file[8:start]).items():
        if entry["dtype"] not in DTYPES:
            raise ValueError(f"{name} has the unknown type {entry['dtype']}")
        begin, end = entry["data_offsets"]
        place = Entry(
            DTYPES[entry["dtype"]], tuple(entry["shape"]), start + begin, start + end
        )
        if end - begin != math.prod(place.shape) * place.dtype.itemsize:
            raise ValueError(f"{name} of {place.shape} has {end - begin} bytes")
        entries[name] = place
    for name, place in sorted(entries.items(), key=lambda item: item[1][2:]):
        if place.begin != start:  # a gap, or bytes that two tensors share
            raise ValueError(f"{name} begins at byte {place.begin}, not at {start}")
        start = place.end
    if start != len(file):
        raise ValueError(f"the tensors end at byte {start} of {len(file)}")
    return entries


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file, mapped into memory: bytes are read when they are used.

    A change of a tensor stays in memory; the file is not written.

    Raises
    ------
    ValueError
        As :func:`read_header`.
    """
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    tensors = {}
    for name, (dtype, shape, begin, _) in read_header(mapped).items():
        if count := math.prod(shape):
            flat = torch.frombuffer(mapped, dtype=dtype, count=count, offset=begin)
        else:
            flat = torch.empty(0, dtype=dtype)
        tensors[name] = flat.view(shape)
    return tensors

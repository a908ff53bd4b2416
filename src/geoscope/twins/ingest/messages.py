"""Where the messages of a GRIB file are: found by their structure, past whatever is broken between them.

Follows the layout of WMO FM 92: an indicator (`GRIB`), sections that say their own length, and `7777`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

START, END = b"GRIB", b"7777"
BLOCK_BYTES = 1024**2
# What writers put between messages to fill records.
PADDING = b"\0 \n\r"
# The longest GRIB 1 message is 8 MiB; ECMWF writes longer ones in units of 120 bytes (ecCodes does the same).
LARGE_GRIB1, LARGE_GRIB1_UNIT = 0x800000, 120
MOST_SECTIONS = 10_000

type Section = tuple[int, int]  # offset in the file, length


@dataclass(frozen=True, slots=True)
class Message:
    """One field of a file.

    Attributes
    ----------
    offset, length : int
        Of the whole message.
    part : int
        Which of the message's fields; -1 if it has only one.
    sections : tuple
        Offset and length of the sections that make up this field, of GRIB 2; the last is its data.
    """

    offset: int
    length: int
    part: int = -1
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no whole message, and why."""

    offset: int
    length: int
    reason: str


class _BrokenError(Exception):
    """A message is not whole; the text says how."""


def scan(file: BinaryIO, start: int = 0) -> Iterator[Message | Damage]:
    """Yield the fields of a file, and what is broken, in order of their offsets.

    Parameters
    ----------
    file : binary file
        Seekable.
    start : int
        Where to begin.
    """
    size = file.seek(0, os.SEEK_END)
    position = start
    while position < size:
        found = _find_start(file, position, size)
        if found > position and (junk := _without_padding(file, position, found)):
            yield Damage(junk[0], junk[1], "These bytes belong to no GRIB message.")
        if found == size:
            return
        try:
            fields = _message(file, found, size)
        except _BrokenError as error:
            position = _find_start(file, found + len(START), size)
            yield Damage(found, position - found, str(error))
        else:
            yield from fields
            position = found + fields[0].length


def message_bytes(file: BinaryIO, offset: int, length: int, part: int) -> bytes:
    """Return a field as a message of its own.

    Parameters
    ----------
    file : binary file
        The same as was scanned.
    offset, length, part : int
        As `Message` says them.

    Raises
    ------
    ValueError
        If it is not there any more.
    """
    if part < 0:
        return _read(file, offset, length)
    try:
        fields = _message(file, offset, offset + length)
        return _assembled(file, offset, fields[part].sections)
    except (_BrokenError, IndexError) as error:
        raise ValueError("The file was changed meanwhile.") from error


def header_bytes(file: BinaryIO, message: Message) -> bytes:
    """Return a message that says all that this field says of itself, without its bitmap and values."""
    if not message.sections:
        return _read(file, message.offset, message.length)
    return _assembled(file, message.offset, message.sections, with_data=False)


def _message(file: BinaryIO, offset: int, size: int) -> list[Message]:
    head = _read(file, offset, min(16, size - offset))
    if len(head) < 16:
        raise _BrokenError("The message is cut off.")
    if head[7] == 1:
        return [Message(offset, _length_of_grib1(file, offset, size, head))]
    length = int.from_bytes(head[8:16])
    if length < 20 or offset + length > size:
        raise _BrokenError(
            f"The message is cut off: it says {length:,} bytes and {size - offset:,} are there."
        )
    return _fields_of_grib2(file, offset, length)


def _length_of_grib1(file: BinaryIO, offset: int, size: int, head: bytes) -> int:
    length = int.from_bytes(head[4:7])
    if length & LARGE_GRIB1:
        length = _length_of_large_grib1(file, offset, length)
    if length < 40 or offset + length > size:
        raise _BrokenError(
            f"The message is cut off: it says {length:,} bytes and {size - offset:,} are there."
        )
    if _read(file, offset + length - 4, 4) != END:
        raise _BrokenError("The message does not end where it says: its header or length is damaged.")
    return length


def _length_of_large_grib1(file: BinaryIO, offset: int, length: int) -> int:
    """Return the true length: the data section says by how much the last unit of 120 bytes is too long."""
    position = offset + 8
    product = _read(file, position, 8)
    if len(product) < 8:
        raise _BrokenError("The message is cut off.")
    flags = product[7]
    position += int.from_bytes(product[:3])
    for flag in (0x80, 0x40):
        if flags & flag:
            position += int.from_bytes(_read(file, position, 3))
    data_length = int.from_bytes(_read(file, position, 3))
    if data_length >= LARGE_GRIB1_UNIT:
        return length
    return (length & (LARGE_GRIB1 - 1)) * LARGE_GRIB1_UNIT - data_length + 4


def _fields_of_grib2(file: BinaryIO, offset: int, length: int) -> list[Message]:
    """Return the fields: each section 7 ends one, made of the latest sections of each number."""
    latest: dict[int, Section] = {}
    fields: list[tuple[Section, ...]] = []
    for number, section in _sections(file, offset + 16, offset + length - 4):
        refers_back = number == 6 and _read(file, section[0] + 5, 1) == b"\xfe"
        if refers_back and 6 not in latest:
            raise _BrokenError("The message refers to a bitmap that it does not hold.")
        if not refers_back:
            latest[number] = section
        if number == 7:
            if not {1, 3, 4, 5, 6} <= latest.keys():
                raise _BrokenError("The message lacks a section.")
            fields.append(tuple(latest[each] for each in sorted(latest)))
    if not fields:
        raise _BrokenError("The message holds no field.")
    if len(fields) == 1:
        return [Message(offset, length, -1, fields[0])]
    return [Message(offset, length, part, sections) for part, sections in enumerate(fields)]


def _sections(file: BinaryIO, position: int, end: int) -> Iterator[tuple[int, Section]]:
    """Yield number and place of each section between the indicator and the end of a GRIB 2 message."""
    for _ in range(MOST_SECTIONS):
        if position == end:
            break
        head = _read(file, position, 5)
        length, number = int.from_bytes(head[:4]), head[4] if len(head) > 4 else 0
        if not (1 <= number <= 7 and length >= 5 and position + length <= end):
            raise _BrokenError("A section of the message has no sensible length or number: it is damaged.")
        yield number, (position, length)
        position += length
    if position != end or _read(file, end, 4) != END:
        raise _BrokenError("The message does not end where it says: its header or length is damaged.")


def _assembled(
    file: BinaryIO, offset: int, sections: tuple[Section, ...], *, with_data: bool = True
) -> bytes:
    parts = [_read(file, *section) for section in (sections if with_data else sections[:-2])]
    if not with_data:
        bitmap = _read(file, sections[-2][0], 6)
        parts += [(6).to_bytes(4) + bitmap[4:6], (5).to_bytes(4) + b"\7"]
    body = b"".join(parts)
    head = _read(file, offset, 16)
    return head[:8] + (16 + len(body) + 4).to_bytes(8) + body + END


def _find_start(file: BinaryIO, position: int, size: int) -> int:
    """Return the next place where a message may begin; the size if there is none."""
    while position < size:
        block = _read(file, position, BLOCK_BYTES + 8)
        index = block.find(START)
        while index >= 0:
            if position + index + 8 > size or block[index + 7 : index + 8] in (b"\1", b"\2"):
                return position + index
            if index + 8 > len(block):
                break
            index = block.find(START, index + 1)
        position += BLOCK_BYTES
    return size


def _without_padding(file: BinaryIO, start: int, stop: int) -> Section | None:
    """Return which bytes between messages are more than padding."""
    position = start
    while position < stop:
        block = _read(file, position, min(BLOCK_BYTES, stop - position))
        rest = block.lstrip(PADDING)
        if rest:
            return position + len(block) - len(rest), stop - position - len(block) + len(rest)
        position += max(len(block), 1)
    return None


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)

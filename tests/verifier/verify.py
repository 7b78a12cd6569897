#!/usr/bin/env python3
"""A second verifier of a Lazaret ledger, written from docs/reference/ledger-format.md alone.

    verify.py LEDGER_DIR [--checkpoint FILE] [--pubkey FILE] [--proof FILE]
    verify.py --proof FILE [--checkpoint FILE]
    verify.py --batch            each line of standard input is the arguments of one run

Says what holds and exits with 0, or says what does not, where, and exits with 6.
Needs Python 3.11 and python3-cryptography.
"""
import argparse
import base64
import collections
import datetime
import functools
import hashlib
import itertools
import json
import pathlib
import re
import shlex
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEADER, FRAME, PAYLOAD_MAX, BATCH_MAX, NOTE_MAX = 64, 56, 131_072, 16 << 20, 1024
CHAIN_DOMAIN, END_LINE, ZEROS = b"lazaret ledger frame v1\0", b"%%\n", bytes(32)
Fault = type("Fault", (Exception,), {})

def need(holds, what):
    if not holds:
        raise Fault(what)

def crc_of_byte(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte

CRC_TABLE = [crc_of_byte(byte) for byte in range(256)]

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF

def integer(data):
    return int.from_bytes(data, "big")

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def from_base64(text, length, what):
    data = base64.b64decode(text, validate=True)
    need(len(data) == length and base64.b64encode(data).decode() == text, f"{what}: not {length} bytes in base64")
    return data

# Merkle tree, RFC 9162 section 2.1. While it grows: (size, root) of its complete subtrees, largest first.

def node_hash(left, right):
    return sha256(b"\1", left, right)

def push(peaks, payload):
    peaks.append((1, sha256(b"\0", payload)))
    while len(peaks) > 1 and peaks[-2][0] == peaks[-1][0]:
        peaks[-2:] = [(2 * peaks[-1][0], node_hash(peaks[-2][1], peaks[-1][1]))]

def root_of(peaks):
    roots = [root for _, root in peaks] or [sha256()]
    return functools.reduce(lambda right, left: node_hash(left, right), reversed(roots))

def split(size):
    return 1 << (size - 1).bit_length() - 1

def root_from_path(index, size, leaf, path):
    """The root that an inclusion proof leads to, by the definition of PATH read backwards."""
    if size == 1:
        need(not path, "inclusion proof too long")
        return leaf
    need(path, "inclusion proof too short")
    half = split(size)
    if index < half:
        return node_hash(root_from_path(index, half, leaf, path[:-1]), path[-1])
    return node_hash(path[-1], root_from_path(index - half, size - half, leaf, path[:-1]))

def roots_from_subproof(old, new, path, whole, old_root):
    """(root of the old tree, root of the new one), by the definition of SUBPROOF read backwards."""
    if old == new:
        need(len(path) == (not whole), "consistency proof of the wrong length")
        return (old_root, old_root) if whole else (path[0], path[0])
    need(path, "consistency proof too short")
    half = split(new)
    if old <= half:
        before, after = roots_from_subproof(old, half, path[:-1], whole, old_root)
        return before, node_hash(after, path[-1])
    before, after = roots_from_subproof(old - half, new - half, path[:-1], False, old_root)
    return node_hash(path[-1], before), node_hash(path[-1], after)

def is_consistent(old, old_root, new, new_root, path):
    if old == 0:
        return not path and old_root == sha256()
    return old <= new and roots_from_subproof(old, new, path, True, old_root) == (old_root, new_root)

def segments(folder):
    paths = [path for path in folder.iterdir() if re.fullmatch(r"ledger-(\d{12}|[1-9]\d{12,19})\.seg", path.name, re.ASCII)]
    return sorted((int(path.name[7:-4]), path) for path in paths)

def frame_at(data, at):
    """A whole frame with a right checksum at this place, or why there is none."""
    length = integer(data[at : at + 4])
    if not 1 <= length <= PAYLOAD_MAX:
        return None, f"length {length}"
    frame = data[at : at + FRAME + length]
    if len(frame) < FRAME + length:
        return None, "frame cut short"
    if crc32c(frame[:4] + frame[8:]) != integer(frame[4:8]):
        return None, "wrong checksum"
    return frame, None

def is_torn(rest, seq):
    """Is the rest of the last segment the beginning of a batch that never reached the disk whole?"""
    length = integer(rest[:4])
    never_filled = len(rest) < FRAME or not any(rest[:FRAME])
    cut_short = 1 <= length <= PAYLOAD_MAX and not any(rest[FRAME + length - 1 : FRAME + length])
    if len(rest) > BATCH_MAX or not (never_filled or cut_short):
        return False
    for at in range(1, len(rest) - FRAME):
        later = integer(rest[at + 8 : at + 16])
        if seq < later <= seq + len(rest) // FRAME and frame_at(rest, at)[0]:
            return False
    payload = len(rest) - FRAME
    return payload < 1 or frame_at(payload.to_bytes(4, "big") + rest[4:], 0)[0] is None

def records(folder):
    """(number, payload, chain hash) of every record, all of them checked."""
    seq, chain, all_segments = 1, ZEROS, segments(folder)
    for index, (first, path) in enumerate(all_segments):
        data, place = path.read_bytes(), path.name
        header = data[:HEADER]
        need(len(header) == HEADER and header[:16] == b"LZLEDGER\0\0\0\1\0\0\0\0", f"{place}: no header")
        need(header[60:] == bytes(4), f"{place}: header not zero at its end")
        need(crc32c(header[:56]) == integer(header[56:60]), f"{place}: header checksum")
        need(integer(header[16:24]) == first == seq, f"{place}: does not begin with record {seq}, or was renamed")
        need(header[24:56] == chain, f"{place}: does not continue the chain")
        at = HEADER
        while at < len(data):
            place = f"{path.name} at byte {at}, record {seq}"
            frame, why = frame_at(data, at)
            if frame is None:
                need(index == len(all_segments) - 1 and is_torn(data[at:], seq), f"{place}: {why}")
                break
            need(integer(frame[8:16]) == seq, f"{place}: its number is {integer(frame[8:16])}")
            need(frame[24:56] == chain, f"{place}: does not follow the record before")
            payload = frame[FRAME:]
            record = parse_record(payload, place)
            need((record["seq"], record["at"]) == (seq, integer(frame[16:24])), f"{place}: frame and payload differ")
            chain = sha256(CHAIN_DOMAIN, frame[:4], frame[8:])
            yield seq, payload, chain
            at, seq = at + len(frame), seq + 1

def parse_record(payload, place):
    record = json.loads(payload.decode())
    need(isinstance(record, dict) and {"seq", "at", "by"} < record.keys(), f"{place}: payload is no record")
    need(len(record.keys() & {"document", "system"}) == 1, f"{place}: neither document nor system")
    return record

class Note:
    def __init__(self, raw):
        need(len(raw) <= NOTE_MAX, "note too long")
        lines = raw.decode().split("\n")
        need(len(lines) == 11 and lines[8] == lines[10] == "", "note has the wrong number of lines")
        need(re.fullmatch(r"lazaret/[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", lines[0]), "line 1: no origin")
        need(re.fullmatch(r"0|[1-9]\d{0,19}", lines[1], re.ASCII) and int(lines[1]) < 1 << 64, "line 2: no size")
        self.raw, self.name, self.size = raw, lines[0], int(lines[1])
        self.root = from_base64(lines[2], 32, "line 3")
        time = re.fullmatch(r"time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z", lines[3], re.ASCII)
        need(time and datetime.datetime.fromisoformat(time[1]), "line 4: no time")
        self.tip, self.prev = (self.hex(lines[i], word) for i, word in ((4, "tip "), (5, "prev ")))
        need(lines[6].startswith("key ") and lines[7].startswith("next-key "), "lines 7 and 8: no keys")
        self.key, self.next = lines[6][4:], lines[7][9:]
        public, key_hash = self.parse_key(self.key)
        self.parse_key(self.next)
        need(lines[9].startswith(f"\u2014 {self.name} "), "line 10: no signature")
        signature = from_base64(lines[9].split(" ", 2)[2], 68, "line 10")
        need(signature[:4] == key_hash, "line 10: signature of another key")
        text = "".join(f"{line}\n" for line in lines[:8])
        Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], text.encode())

    @staticmethod
    def hex(line, word):
        need(re.fullmatch(rf"{word}[0-9a-f]{{64}}", line), f"no {word.strip()}")
        return bytes.fromhex(line[-64:])

    def parse_key(self, text):
        name, key_hash, key = (text.split("+", 2) + ["", ""])[:3]
        data = from_base64(key, 33, "key")
        expected = sha256(name.encode(), b"\n", data)[:4]
        need(name == self.name and data[0] == 1 and key_hash == expected.hex(), "key with a wrong name, type or hash")
        return data[1:], expected

def notes(folder):
    """Every note of the log in order, each following the one before."""
    data = (folder / "checkpoints.log").read_bytes()
    at, last, number = 0, None, 1
    while at < len(data):
        place = f"checkpoints.log, checkpoint {number} at byte {at}"
        end = at if data.startswith(END_LINE, at) else data.find(b"\n" + END_LINE, at) + 1
        ended = end > 0 or data.startswith(END_LINE, at)
        raw = data[at:end] if ended else data[at:]
        stop = end + len(END_LINE) if ended else len(data)
        if stop == len(data) and stop - at <= NOTE_MAX + len(END_LINE) and (not ended or 0 in raw):
            return
        need(ended, f"{place}: no end line")
        try:
            note = Note(raw)
            need(note.prev == (sha256(last.raw) if last else ZEROS), "does not follow the note before")
            if last:
                need(note.key in (last.key, last.next), "signed with a key that was not announced")
                need(note.key != last.key or note.next == last.next, "its key announced another successor before")
                need(note.size >= last.size, "over fewer records than the note before")
        except (Fault, ValueError, InvalidSignature) as fault:
            raise Fault(f"{place}: {fault or 'the signature does not fit'}") from None
        yield note
        at, last, number = stop, note, number + 1

def verify_ledger(folder, external, pinned):
    has_log = (folder / "checkpoints.log").exists()
    need(has_log or not (external or pinned), "there is no checkpoints.log")
    log = list(notes(folder)) if has_log else []
    signed = collections.defaultdict(set)
    for note in log + ([external] if external else []):
        signed[note.size].add((note.root, note.tip))
    peaks, size = [], 0
    for size, payload, tip in itertools.chain([(0, None, ZEROS)], records(folder)):
        if size:
            push(peaks, payload)
        for found in signed.pop(size, ()):
            need(found == (root_of(peaks), tip), f"the first {size} records are not those that a checkpoint was signed over")
    need(not signed, f"a checkpoint is over more than the {size} records that are there")
    need(not pinned or any(note.key == pinned for note in log), "the pinned key signed no checkpoint of the log")
    need(not external or any(note.raw == external.raw for note in log), "your checkpoint is not in the log")
    return log, f"{size} records, {len(log)} checkpoints"

def verify_proof(path, trusted):
    proof = json.loads(path.read_text())
    need(proof.keys() <= {"schema_version", "document", "checkpoint", "leaves", "since"} and proof["schema_version"] == 1, "no proof of version 1")
    need(proof["leaves"], "proof without records")
    note, last = Note(proof["checkpoint"].encode()), 0
    accepted = [note.raw]
    for leaf in proof["leaves"]:
        need(leaf.keys() == {"seq", "record", "hashes"}, "leaf with other members")
        seq, payload, place = leaf["seq"], leaf["record"].encode(), f"record {leaf['seq']}"
        record = parse_record(payload, place)
        need(record["seq"] == seq and record.get("document", {}).get("doc") == proof["document"], f"{place}: not of this document")
        need(last < seq <= note.size, f"{place}: not in order")
        path = [from_base64(text, 32, place) for text in leaf["hashes"]]
        need(root_from_path(seq - 1, note.size, sha256(b"\0", payload), path) == note.root, f"{place}: not in the tree")
        last = seq
    if "since" in proof:
        old = Note(proof["since"]["checkpoint"].encode())
        path = [from_base64(text, 32, "since") for text in proof["since"]["hashes"]]
        need(is_consistent(old.size, old.root, note.size, note.root, path), "the earlier ledger is not the beginning of this one")
        accepted.append(old.raw)
    need(trusted is None or any(raw in trusted for raw in accepted), "the proof rests on a checkpoint that is not trusted")
    return f"{len(proof['leaves'])} records of {proof['document']} in {note.size}"

def run(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    [parser.add_argument(name, type=pathlib.Path) for name in ("--checkpoint", "--pubkey", "--proof")]
    args = parser.parse_args(arguments)
    if not args.folder and not args.proof:
        parser.error("a folder or a proof is needed")
    try:
        external = Note(args.checkpoint.read_bytes()) if args.checkpoint else None
        pinned = args.pubkey.read_text().strip() if args.pubkey else None
        trusted, said = ([external.raw] if external else None), []
        if args.folder:
            log, what = verify_ledger(args.folder, external, pinned)
            trusted, said = [note.raw for note in log], [what]
        if args.proof:
            said.append(verify_proof(args.proof, trusted))
    except (Fault, InvalidSignature, OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        return 6, f"FAULT {fault or type(fault).__name__}"
    return 0, "OK " + "; ".join(said)

if __name__ == "__main__":
    if sys.argv[1:] == ["--batch"]:
        for line in sys.stdin:
            print(*run(shlex.split(line)), flush=True)
        sys.exit(0)
    code, said = run(sys.argv[1:])
    print(said)
    sys.exit(code)

#!/usr/bin/env python3
"""A second verifier of a Lazaret ledger, written from docs/reference/ledger-format.md alone.

    verify.py LEDGER_DIR [--checkpoint FILE] [--pubkey FILE] [--proof FILE]
    verify.py --proof FILE [--checkpoint FILE] [--pubkey FILE]
    verify.py --batch            each line of standard input is the arguments of one run

Says what holds and exits with 0, or says what does not, where, and exits with 6.
Needs Python 3.11 and python3-cryptography.
"""
import argparse
import base64
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

HEADER, FRAME, PAYLOAD_MAX, BATCH_MAX, NOTE_MAX, SECTOR = 64, 56, 131_072, 16 << 20, 1024, 512
CHAIN_DOMAIN, END_LINE, ZEROS = b"lazaret ledger frame v1\0", b"%%\n", bytes(32)
Fault = type("Fault", (Exception,), {})
integer = functools.partial(int.from_bytes, byteorder="big")

def need(holds, what):
    if not holds:
        raise Fault(what)

CRC_TABLE = list(range(256))
for _ in range(8):
    CRC_TABLE = [crc >> 1 ^ (0x82F63B78 if crc & 1 else 0) for crc in CRC_TABLE]

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def from_base64(text, length, what):
    data = base64.b64decode(text, validate=True)
    need(len(data) == length and base64.b64encode(data).decode() == text, f"{what}: not {length} bytes in base64")
    return data

# Merkle tree, RFC 9162 section 2.1. While it grows: (size, root) of its complete subtrees, largest first.

node_hash = functools.partial(sha256, b"\1")

def push(peaks, payload):
    peaks.append((1, sha256(b"\0", payload)))
    while len(peaks) > 1 and peaks[-2][0] == peaks[-1][0]:
        peaks[-2:] = [(2 * peaks[-1][0], node_hash(peaks[-2][1], peaks[-1][1]))]

def root_of(peaks):
    roots = [root for _, root in peaks] or [sha256()]
    return functools.reduce(lambda right, left: node_hash(left, right), reversed(roots))

def root_from_path(index, size, leaf, path):
    """The root that an inclusion proof leads to, by the definition of PATH read backwards."""
    if size == 1:
        need(not path, "inclusion proof too long")
        return leaf
    need(path, "inclusion proof too short")
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        return node_hash(root_from_path(index, half, leaf, path[:-1]), path[-1])
    return node_hash(path[-1], root_from_path(index - half, size - half, leaf, path[:-1]))

def roots_from_subproof(old, new, path, whole, old_root):
    """(root of the old tree, root of the new one), by the definition of SUBPROOF read backwards."""
    if old == new:
        need(len(path) == (not whole), "consistency proof of the wrong length")
        return (old_root, old_root) if whole else (path[0], path[0])
    need(path, "consistency proof too short")
    half = 1 << (new - 1).bit_length() - 1
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

def word_of(head):
    """(length of the payload, place of the frame in its batch, whether more follow)"""
    word = integer(head[:4])
    return (word & 0x3FFFF, word >> 18 & 0xFFF, word >> 30 & 1) if word >> 31 else (word, 0, 0)

def frame_at(data, at):
    """The frame at this place, if it is whole and has a right checksum."""
    length = word_of(data[at : at + 4])[0]
    frame = data[at : at + FRAME + length]
    whole = 1 <= length <= PAYLOAD_MAX and len(frame) == FRAME + length
    return frame if whole and crc32c(frame[:4] + frame[8:]) == integer(frame[4:8]) else None

def is_torn(rest, start, bad, first, version):
    """Is the rest of the last segment, from `start` on, a batch that never reached the disk whole? `bad`
    is where in it the first frame begins that is none, `first` the number of the batch's first record."""
    head = rest[bad : bad + FRAME]
    fits = len(head) == FRAME and head[0] >> 7 == version - 1 and 1 <= word_of(head)[0] <= PAYLOAD_MAX
    end = bad + FRAME + (word_of(head)[0] if fits else 0)
    sectors = range((start + bad) // SECTOR * SECTOR, start + end, SECTOR)
    parts = [rest[max(at - start, 0) : at + SECTOR - start] for at in sectors]
    hole = any(len(part) >= (4 if version == 1 else 1) and not any(part) for part in parts)
    if len(rest) > BATCH_MAX or any(rest[end - 1 :]) and not hole:
        return False
    for at in range(bad + 1, len(rest) - FRAME):
        later = integer(rest[at + 8 : at + 16])
        other = fits and at < end or later - word_of(rest[at : at + 4])[1] != first
        if first < later <= first + len(rest) // FRAME and other and frame_at(rest, at):
            return False
    payload = len(rest) - bad - FRAME
    word = payload | (integer(head[:4]) & ~0x3FFFF if payload > 0 and head[0] >> 7 else 0)
    return payload < 1 or frame_at(word.to_bytes(4, "big") + rest[bad + 4 :], 0) is None

def batches(data, place, is_last, first, version):
    """The frames of each batch of a segment, each with its place."""
    at = HEADER
    while at < len(data):
        batch, end, more = [], at, True
        while more:
            where = f"{place} at byte {end}, record {first + len(batch)}"
            frame = frame_at(data, end)
            if not frame or frame[0] >> 7 != version - 1:
                need(is_last and is_torn(data[at:], at, end - at, first, version), f"{where}: no whole frame of version {version}")
                return
            _, index, more = word_of(frame)
            need(index == len(batch), f"{where}: place {index} in its batch")
            batch.append((frame, where))
            end += len(frame)
        yield from batch
        at, first = end, first + len(batch)

def records(folder):
    """(number, payload, chain hash) of every record, all of them checked."""
    seq, chain, all_segments = 1, ZEROS, segments(folder)
    for first, path in all_segments:
        data, place = path.read_bytes(), path.name
        need(len(data) >= HEADER and data[11] in (1, 2), f"{place}: no header of version 1 or 2")
        due, version = b"LZLEDGER\0\0\0%c\0\0\0\0" % data[11] + seq.to_bytes(8, "big") + chain, data[11]
        need(first == seq and data[:56] == due, f"{place}: does not begin with record {seq}, or another was before it")
        need(data[56:HEADER] == crc32c(due).to_bytes(4, "big") + bytes(4), f"{place}: header checksum")
        for frame, place in batches(data, place, path == all_segments[-1][1], seq, version):
            need(integer(frame[8:16]) == seq, f"{place}: its number is {integer(frame[8:16])}")
            need(frame[24:56] == chain, f"{place}: does not follow the record before")
            payload = frame[FRAME:]
            record = parse_record(payload, place)
            need((record["seq"], record["at"]) == (seq, integer(frame[16:24])), f"{place}: frame and payload differ")
            chain = sha256(CHAIN_DOMAIN, frame[:4], frame[8:])
            yield seq, payload, chain
            seq += 1

def parse_record(payload, place):
    record = json.loads(payload.decode())
    keys = record.keys() if isinstance(record, dict) else set()
    need({"seq", "at", "by"} < keys and len(keys & {"document", "system"}) == 1, f"{place}: payload is no record")
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
        self.time = time[1]
        need(re.fullmatch("tip [0-9a-f]{64}\nprev [0-9a-f]{64}", "\n".join(lines[4:6])), "lines 5 and 6: no tip and prev")
        self.tip, self.prev = (bytes.fromhex(line[-64:]) for line in lines[4:6])
        need(lines[6].startswith("key ") and lines[7].startswith("next-key "), "lines 7 and 8: no keys")
        self.key, self.next = lines[6][4:], lines[7][9:]
        public, key_hash = self.parse_key(self.key)
        self.next == "none" or self.parse_key(self.next)
        signature = from_base64(lines[9].removeprefix(f"\u2014 {self.name} "), 68, "line 10")
        need(lines[9][:1] == "\u2014" and signature[:4] == key_hash, "line 10: no signature of this key")
        Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], "\n".join(lines[:9]).encode())

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
                need(note.key == (last.key if last.next == "none" else last.next), "signed with a key whose turn it is not")
                need(note.size >= last.size, "over fewer records than the note before")
                need(note.time >= last.time, "earlier than the note before")
                one_day = note.time[:10] == last.time[:10] or note.key != last.key or note.next != "none"
                need(one_day, "signed on another day with the key of the day before")
        except (Fault, ValueError, InvalidSignature) as fault:
            raise Fault(f"{place}: {fault or 'the signature does not fit'}") from None
        yield note
        at, last, number = stop, note, number + 1

def verify_ledger(folder, external, pinned):
    has_log = (folder / "checkpoints.log").exists()
    need(has_log or not (external or pinned), "there is no checkpoints.log")
    log, signed = list(notes(folder)) if has_log else [], {}
    for note in log + ([external] if external else []):
        signed.setdefault(note.size, set()).add((note.root, note.tip))
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

def verify_proof(path, trusted, pinned):
    proof = json.loads(path.read_text())
    need(proof.keys() <= {"schema_version", "document", "checkpoint", "leaves", "since", "keys"} and proof["schema_version"] == 1 and proof["leaves"], "no proof of version 1")
    note, last = Note(proof["checkpoint"].encode()), 0
    accepted, reached = [note.raw], {pinned}
    for turn in (Note(text.encode()) for text in proof.get("keys", [])):
        reached |= {turn.next} if turn.key in reached else set()
    need(pinned is None or note.key in reached, "no keys lead from the pinned one to that of the checkpoint")
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
            trusted, said, pinned = [note.raw for note in log], [what], None
        if args.proof:
            said.append(verify_proof(args.proof, trusted, pinned))
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

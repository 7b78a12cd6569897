#!/usr/bin/env python3
"""A second verifier of a bundle of evidence, written from docs/reference/evidence-format.md and ledger-format.md alone.

    evidence.py BUNDLE.zip [--pubkey FILE]
    evidence.py --batch          each line of standard input is the arguments of one run

Says what holds and exits with 0, or says what does not, where, and exits with 6.
Needs Python 3.11, python3-cryptography and verify.py beside it.
"""
import argparse
import json
import os
import pathlib
import re
import shlex
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from verify import Fault, Note, from_base64, is_consistent, need, parse_record, root_from_path, sha256

FILES_MAX, FILE_BYTES_MAX, PATH_MAX, LEAVES_MAX = 10_000, 256 << 20, 128, 100_000
LOCAL, ENTRY, END = 30, 46, 22
PATH = re.compile(r"[A-Za-z0-9-][A-Za-z0-9.-]*(/[A-Za-z0-9-][A-Za-z0-9.-]*)*", re.ASCII)
DOCUMENT = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)


# The zip: stored files one behind the other, their directory, the end, and not a byte more.


def places_of(file):
    """Where each file lies: {path: (offset, length)}."""
    total = file.seek(0, os.SEEK_END)
    need(total >= END, "not the zip file of a bundle: too short")
    end = read(file, total - END, END)
    magic, here, count, length, start, comment = struct.unpack("<8sHHIIH", end)
    need(magic == b"PK\5\6\0\0\0\0" and here == count and comment == 0, "no end of a zip directory at the end of the file")
    need(start + length == total - END, "the zip directory does not reach from its place to its end")
    need(count <= FILES_MAX and length <= count * (ENTRY + PATH_MAX), f"zip directory of {count} files")
    directory, at, following, places = read(file, start, length), 0, 0, {}
    for _ in range(count):
        entry = directory[at : at + ENTRY]
        need(len(entry) == ENTRY and entry[:4] == b"PK\1\2", f"zip: no directory entry at byte {start + at}")
        flags, method, packed, size, name_length, extra, comment, disk, offset = struct.unpack("<8xHH8xIIHHHH6xI", entry)
        place = f"zip directory at byte {start + at}"
        need(flags == method == 0 and packed == size, f"{place}: a file that is packed or encrypted")
        need(extra == comment == disk == 0 and offset == following, f"{place}: does not follow the entry before")
        name = directory[at + ENTRY : at + ENTRY + name_length]
        need(len(name) == name_length <= PATH_MAX, f"{place}: no name")
        local = read(file, offset, LOCAL + name_length)
        need(local == b"PK\3\4" + entry[6:32] + name, f"{place}: the file is not as the directory says")
        path = name.decode("ascii")
        need(PATH.fullmatch(path), f"{place}: a name that no bundle has")
        need(path not in places, f"{path}: there twice")
        need(size <= FILE_BYTES_MAX, f"{path}: longer than {FILE_BYTES_MAX} bytes")
        places[path] = (offset + len(local), size)
        at, following = at + ENTRY + name_length, offset + len(local) + size
    need(at == length and following == start, "zip: something that belongs to no file")
    return places


def read(file, offset, length):
    file.seek(offset)
    data = file.read(length)
    need(len(data) == length, f"the file ends before byte {offset + length}")
    return data


def parse(data, place):
    def once(pairs):
        need(len(dict(pairs)) == len(pairs), f"{place}: a member twice")
        return dict(pairs)

    return json.loads(data.decode(), object_pairs_hook=once)


class Files:
    """The files that the signed manifest lists; each must be taken."""

    def __init__(self, file):
        self.file, self.places = file, places_of(file)
        text, signature = self.raw("manifest.json"), self.raw("manifest.sig")
        self.manifest = parse(text, "manifest.json")
        kind = self.manifest["kind"], self.manifest["schema_version"]
        need(kind == ("lazaret-evidence", 1), f"manifest.json: kind and version {kind}")
        self.site_key = self.manifest["site_key"]
        self.signed(text, signature, "manifest.json")
        listed = self.manifest["files"]
        self.left = {file["path"]: (file["bytes"], file["sha256"]) for file in listed}
        need(len(self.left) == len(listed), "manifest.json: lists a file twice")
        odd = self.places.keys() ^ (self.left.keys() | {"manifest.json", "manifest.sig"})
        need(not odd, f"{min(odd, default='')}: expected exactly the files of the manifest")

    def raw(self, path):
        need(path in self.places, f"{path}: missing")
        return read(self.file, *self.places[path])

    def take(self, path):
        need(path in self.left, f"{path}: missing from the manifest")
        listed, data = self.left.pop(path), self.raw(path)
        need((len(data), sha256(data).hex()) == listed, f"{path}: not the file that was signed")
        return data

    def signed(self, data, signature, place):
        need(re.fullmatch("[0-9a-f]{64}", self.site_key), "manifest.json: no site key")
        need(re.fullmatch(b"[0-9a-fA-F]{128}", signature), f"{place}: no signature")
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.site_key))
            key.verify(bytes.fromhex(signature.decode()), data)
        except InvalidSignature:
            raise Fault(f"{place}: not signed by the site, or changed") from None


def end_of_chain(files, pinned):
    """The last checkpoint: its key follows from the first, its ledger grew out of every one before."""
    notes = [Note(raw) for raw in files.take("keys.notes").split(b"%%\n")]
    growth = parse(files.take("consistency.json"), "consistency.json")
    need(growth.keys() == {"schema_version", "proofs"} and growth["schema_version"] == 1, "consistency.json: not of version 1")
    need(len(growth["proofs"]) == len(notes) - 1, "consistency.json: not one proof for each step of keys.notes")
    for old, new, proof in zip(notes, notes[1:], growth["proofs"]):
        turn = old.key if old.next == "none" else old.next
        need(new.key == turn, "keys.notes: signed with a key whose turn it is not")
        path = [from_base64(text, 32, "consistency.json") for text in proof]
        # Of equal sizes nothing is to be proven: the roots are equal.
        same = old.size == new.size and not path and old.root == new.root
        grew = old.size < new.size and is_consistent(old.size, old.root, new.size, new.root, path)
        need(same or grew, f"consistency.json: the ledger of {old.size} records is not the beginning of that of {new.size}")
    need(pinned is None or any(note.key == pinned for note in notes), "keys.notes: the pinned key never signed")
    return notes[-1]


def record_of(leaf, end, place):
    """The record of a leaf, which leads to the root of the checkpoint."""
    need(leaf.keys() == {"seq", "record", "hashes"}, f"{place}: leaf with other members")
    seq, payload = leaf["seq"], leaf["record"].encode()
    need(type(seq) is int and 1 <= seq <= end.size, f"{place}: record {seq} is not one of {end.size}")
    path = [from_base64(text, 32, place) for text in leaf["hashes"]]
    need(root_from_path(seq - 1, end.size, sha256(b"\0", payload), path) == end.root, f"{place}: record {seq} is not in the ledger")
    record = parse_record(payload, f"{place}, record {seq}")
    need(record["seq"] == seq, f"{place}: record {seq} has another number")
    return record


def check_site_key(files, end):
    leaf = parse(files.take("site-key.json"), "site-key.json")
    named = record_of(leaf, end, "site-key.json").get("system")
    need(named == {"site-key": {"public": files.site_key}}, "site-key.json: the ledger names another key")


def check_document(files, document, end):
    """Its records, certificates and manifest; gives the number of records."""
    folder = f"documents/{document}"
    place = f"{folder}/events.json"
    proof, last = parse(files.take(place), place), 0
    need(proof.keys() == {"schema_version", "document", "checkpoint", "leaves"}, f"{place}: other members")
    need(proof["schema_version"] == 1 and proof["document"] == document, f"{place}: not of this document")
    need(proof["checkpoint"].encode() == end.raw, f"{place}: proven against another checkpoint than the last one")
    need(1 <= len(proof["leaves"]) <= LEAVES_MAX, f"{place}: {len(proof['leaves'])} records")
    for leaf in proof["leaves"]:
        record = record_of(leaf, end, place)
        need(record.get("document", {}).get("doc") == document, f"{place}: record {leaf['seq']} is not of this document")
        need(leaf["seq"] > last, f"{place}: record {leaf['seq']} is not in order")
        last = leaf["seq"]
        event = record["document"]["event"]
        if isinstance(event, dict) and "destroyed" in event:
            check_certificate(files, f"{folder}/certificate-{last}", event["destroyed"])
    place = f"{folder}/document.json"
    need(parse(files.take(place), place)["id"] == document, f"{place}: about another document")
    files.take(f"{folder}/accounting.json")
    place = f"{folder}/manifest.json"
    if place in files.left:
        made = parse(files.take(place), place)
        files.signed(made["manifest"].encode(), made["signature"].encode(), place)
        need(parse(made["manifest"].encode(), place)["id"] == document, f"{place}: about another document")
    return len(proof["leaves"])


def check_certificate(files, path, event):
    text, signature = files.take(f"{path}.json"), files.take(f"{path}.sig")
    told = event["certificate"].encode(), event["signature"].encode()
    need((text, signature) == told, f"{path}: not the certificate of the record")
    files.signed(text, signature, path)


def verify(file, pinned):
    files = Files(file)
    documents, newer = files.manifest["documents"], files.manifest["newer"]
    end = end_of_chain(files, pinned)
    check_site_key(files, end)
    need(documents and all(DOCUMENT.fullmatch(document) for document in documents), "manifest.json: no documents")
    need(documents == sorted(set(documents)), "manifest.json: documents not in order, or twice")
    records = sum(check_document(files, document, end) for document in documents)
    need(not files.left, f"{min(files.left, default='')}: a file that no bundle has")
    for record in newer:
        later = type(record["seq"]) is int and record["seq"] > end.size and record["document"] in documents
        need(later, "manifest.json: what it calls newer is not newer than the checkpoint")
    trust = "the pinned key leads to the signature" if pinned else "no key was pinned"
    return f"{len(documents)} documents, {records} records in {end.size}, {len(newer)} newer; {trust}"


def run(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("--pubkey", type=pathlib.Path)
    args = parser.parse_args(arguments)
    try:
        pinned = args.pubkey.read_text().strip() if args.pubkey else None
        with args.bundle.open("rb") as file:
            return 0, f"OK {verify(file, pinned)}"
    except InvalidSignature:
        return 6, "FAULT the signature of a checkpoint does not fit"
    except KeyError as member:
        return 6, f"FAULT a member is missing: {member}"
    except (Fault, OSError, ValueError, TypeError, AttributeError, RecursionError) as fault:
        return 6, f"FAULT {fault or type(fault).__name__}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--batch"]:
        for line in sys.stdin:
            print(*run(shlex.split(line)), flush=True)
        sys.exit(0)
    code, said = run(sys.argv[1:])
    print(said)
    sys.exit(code)

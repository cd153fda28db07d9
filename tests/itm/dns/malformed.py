"""Packets that break the format, each in one way; all are answered FORMERR."""

from __future__ import annotations

from tests.itm.dns.asking import Ask, opt


def _cut(bytes_off: int) -> bytes:
    return Ask(edns=False).packet()[:-bytes_off]


MALFORMED = {
    "qdcount-0": Ask(edns=False, counts=(0, 0, 0, 0), raw_name=b"").packet()[:12],
    "qdcount-2": Ask(edns=False, counts=(2, 0, 0, 0), extra=Ask().question).packet(),
    "qdcount-lie": Ask(edns=False, counts=(2, 0, 0, 0)).packet(),
    "question-missing": _cut(len(Ask().question)),
    "question-cut": _cut(3),
    "type-missing": _cut(4),
    "answer-in-query": Ask(edns=False, counts=(1, 1, 0, 0), extra=b"\xc0\x0c" + bytes(10)).packet(),
    "authority-in-query": Ask(edns=False, counts=(1, 0, 1, 0), extra=b"\0" + bytes(10)).packet(),
    "opt-in-answer": Ask(edns=False, counts=(1, 1, 0, 0), extra=opt()).packet(),
    "trailing-bytes": Ask(edns=False, extra=b"attic").packet(),
    "trailing-after-opt": Ask(extra=b"attic").packet(),
    "arcount-lie": Ask(edns=False, counts=(1, 0, 0, 1)).packet(),
    "arcount-huge": Ask(edns=False, counts=(1, 0, 0, 65535), extra=opt()).packet(),
    "qname-pointer-self": Ask(edns=False, raw_name=b"\xc0\x0c").packet(),
    "qname-pointer-forward": Ask(edns=False, raw_name=b"\xc0\x20").packet(),
    "qname-pointer-tail": Ask(edns=False, raw_name=b"\x03www\xc0\x0c").packet(),
    "label-type-40": Ask(edns=False, raw_name=b"\x41\x01\x00").packet(),
    "label-type-80": Ask(edns=False, raw_name=b"\x81\x01\x00").packet(),
    "qname-257": Ask(edns=False, raw_name=b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 3 + b"\0").packet(),
    "type-opt": Ask(qtype=41).packet(),
    "type-tsig": Ask(qtype=250).packet(),
    "type-nxname": Ask(qtype=128).packet(),
    "two-opt": Ask(counts=(1, 0, 0, 2), extra=opt()).packet(),
    "opt-owner": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(owner=b"\x01a\0")).packet(),
    "opt-rdlen-overrun": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(length=50)).packet(),
    "option-overrun": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(b"\xfd\xe9\0\x09abc")).packet(),
    "option-cut": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(b"\xfd\xe9\0")).packet(),
    "options-65": Ask(options=((65001, b""),) * 65).packet(),
    "opt-cut": Ask().packet()[:-1],
}

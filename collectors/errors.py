"""Errors of the `collectors` package, in one tree.

CollectorsError
├── PlaceTableError  a place table file that is damaged, foreign or of another version
├── GeoipError       an .mmdb file that is missing, damaged or of a schema we do not read
├── ArraysError      a checkpoint or aggregate file that is damaged, foreign or of another version
├── DeltaError       a delta that is damaged, foreign or of another version
├── BusLost          the other end of the bus is not there: what was under way may be lost
├── JournalError     the journal cannot be written: what was not yet durable stays buffered
│   └── JournalFull  more is waiting for the disk than may be kept in memory: shed load
├── FollowError      a followed file, or the file of its position, that cannot be used
├── ExportError      an export that cannot be written as asked: a package is missing
├── FormError        a plan or a report of checks that is not of the form agreed upon
├── AgentRefused     the server does not let this agent in; trying again helps nobody
├── OriginError      a trusted proxy sent a forwarding header that names no client
├── SessionError     a session request that cannot be read
├── KeyFileError     the file of token keys is missing, not one, or open to everybody
├── HostingError     a list of hosting AS numbers that cannot be used
└── ReportRefused    one report of a batch does not count
"""

from __future__ import annotations


class CollectorsError(Exception):
    """Base of all errors that `collectors` raises on purpose."""


class PlaceTableError(CollectorsError):
    """A place table file is damaged, foreign or of another version."""


class GeoipError(CollectorsError):
    """A GeoIP database cannot be opened or read; the message starts with its path."""


class HostingError(CollectorsError):
    """A list of AS numbers cannot be read; the message names the file and what is wrong in it."""


class ArraysError(CollectorsError):
    """A file of arrays is damaged, foreign or of another version."""


class DeltaError(CollectorsError):
    """A delta is damaged, foreign, of another version, or says what cannot be."""


class BusLost(CollectorsError):
    """The other end of the bus is not there; what was handed over and not acknowledged may be lost."""


class JournalError(CollectorsError):
    """The journal could not be written (the message names the file); its records wait for the next try."""


class JournalFull(JournalError):
    """The buffer in front of the journal is full; the records were not taken."""


class ReportRefused(CollectorsError):
    """A report does not count: `code` is the reason, the message says what was expected."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class OriginError(CollectorsError):
    """The forwarding header of a trusted proxy holds no usable client address."""


class FollowError(CollectorsError):
    """A followed file or the file of its position cannot be read or written; the message names it."""


class FormError(CollectorsError):
    """A plan or a report of checks cannot be read; the message begins with the path of what is wrong."""


class AgentRefused(CollectorsError):
    """The server refused an agent's token or credential, with its reason."""


class ExportError(CollectorsError):
    """The journal cannot be exported in this form; the message says what is missing."""


class SessionError(CollectorsError):
    """A session request cannot be read; the message says what was expected."""


class KeyFileError(CollectorsError):
    """The file of token keys cannot be used; the message starts with its path."""

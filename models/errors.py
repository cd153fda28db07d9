"""Errors of the `models` package, in one tree.

ModelError
├── TrainingError       the training table is not what it should be (carries every reason)
├── ArtifactMismatch    a saved predictor not to be used: damaged, foreign, other data or libraries
└── ModelRefused        a trained model that does not beat every baseline; the message carries the numbers
"""

from __future__ import annotations

from collections.abc import Sequence


class ModelError(Exception):
    """Base of all errors that `models` raises on purpose."""


class TrainingError(ModelError):
    """The training table is wrong: `reasons` holds one `file: line: what was expected` each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


class ArtifactMismatch(ModelError):
    """The artifact cannot be used with this data and these libraries; train anew."""


class ModelRefused(ModelError):
    """The model is not better than every baseline, so nothing was written."""

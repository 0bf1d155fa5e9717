"""The one list of kinds of hostile input: the rows of the table in docs/security.md."""

from __future__ import annotations

from tests.hostile.cases import Kind
from tests.hostile.checkpoints import PICKLES
from tests.hostile.texts import ANNOTATIONS, TRAINING
from tests.hostile.videos import VIDEOS

KINDS: tuple[Kind, ...] = (PICKLES, VIDEOS, ANNOTATIONS, TRAINING)

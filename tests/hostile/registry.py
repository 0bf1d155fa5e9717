"""The one list of kinds of hostile input: the rows of the table in docs/security.md."""

from __future__ import annotations

from tests.hostile.archives import CONTAINERS
from tests.hostile.cases import Kind
from tests.hostile.pickles import KINDS as PICKLES
from tests.hostile.readers import READERS
from tests.hostile.recipes import RECIPES
from tests.hostile.records import CARDS, FOLDERS, RECORDS, SAFETENSORS
from tests.hostile.shapes import PLACES, TENSORS
from tests.hostile.texts import ANNOTATIONS, TRAINING
from tests.hostile.videos import VIDEOS

CHECKPOINTS: tuple[Kind, ...] = (
    *(*PICKLES, CONTAINERS, READERS),
    *(TENSORS, RECORDS, SAFETENSORS, FOLDERS, PLACES),
)
KINDS: tuple[Kind, ...] = (*CHECKPOINTS, CARDS, RECIPES, VIDEOS, ANNOTATIONS, TRAINING)

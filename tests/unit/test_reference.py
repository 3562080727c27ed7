"""The level "reference": what is compared, what it finds, and the steps around it; without the original."""

from __future__ import annotations

import ast
import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from fad_core.comparison import Comparison, require_passed
from fad_core.errors import VerificationError
from fad_core.exported import Identity
from fad_core.golden.clips import Case, Clip
from fad_core.golden.signals import busy, quantise
from fad_core.models import get_model, model_ids
from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.models.crops import crop_number
from fad_core.reference import OriginalRun, verify_reference
from fad_core.steps.reference import (
    collect_verifications,
    summarise_verification,
    write_checkpoints,
    write_clips,
    write_distance_matrices,
    write_distances,
)
from fad_core.steps.verification import write_verification
from fad_core.weights import WeightsFile, Weights, locate_weights
from tests_fakes import MAIN, fake_model

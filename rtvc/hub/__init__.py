"""Models on the Hub: a repository is laid out, described by its card, uploaded, and served by its handler."""

from ..loading import download
from .publish import LIBRARIES, lay_out, push, push_model

__all__ = ["LIBRARIES", "download", "lay_out", "push", "push_model"]

"""Models of an installed Baskerville, in memory: from its `SeqNN` to whelp, and back.

The only package that knows Baskerville's classes. It imports none of them: it is given the objects,
and NumPy arrays pass between the two, so that Keras 3 may run on any backend.
"""

from whelp.seqnn.exchange import from_baskerville, to_baskerville

__all__ = ["from_baskerville", "to_baskerville"]

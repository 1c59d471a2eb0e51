"""What every family of methods stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbridge.services.jina._channel import JinaChannel


class JinaFaces:
    """A family of methods of ``Jina``, which has what they need."""

    _channel: JinaChannel
    _batch_size: int

"""What every family of methods stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbridge.services.elastic._channel import ElasticChannel


class ElasticFaces:
    """A family of methods of ``Elastic``, which has what they need."""

    _channel: ElasticChannel
    _batch_size: int

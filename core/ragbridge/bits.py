"""Packed bits (``embedding_type="ubinary"``) as vector stores take them: one function for each family of stores.

>>> from ragbridge import Jina, bits
>>> passages = Jina(base_url="local").embed(["a text"], dimensions=32, embedding_type="ubinary")
>>> passages.vectors.shape
(1, 4)
>>> len(bits.to_pgvector(passages)[0]), len(bits.to_milvus(passages)[0]), len(bits.to_elasticsearch(passages)[0])
(32, 4, 4)

All of them take ``Embeddings`` of a type that packs bits, or a uint8 array of shape (number of vectors, dimensions / 8), the most
significant bit first, as ``numpy.packbits`` and ``Embeddings.vectors`` have it. A single vector is ``vectors[:1]``.
They all raise ``ConfigurationError`` for anything else: floats, one byte a dimension, one vector without its list, signed
bytes whose meaning the array does not tell, and inputs without a vector (``Embeddings.failed``).
"""

from ragbridge.ground.public import publish as _publish
from ragbridge.values.bits import to_elasticsearch, to_faiss, to_milvus, to_pgvector

__all__ = ["to_elasticsearch", "to_faiss", "to_milvus", "to_pgvector"]

_publish(__name__, [globals()[_name] for _name in __all__])

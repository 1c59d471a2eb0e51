"""Images as LlamaIndex has them: in nodes, and as what embedding models are handed."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

try:
    from llama_index.core.schema import BaseNode, ImageNode, MetadataMode, Node, TextNode
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from ragbridge import ConfigurationError, Image
from ragbridge.models import lookup


def as_images(images: Iterable[object]) -> list[Image]:
    """Images as the client takes them, from file paths, addresses, data URIs, ``BytesIO`` or ``Image``.

    Raises:
        ConfigurationError: An item is of another type, or its file is missing; the message names the item.
    """
    return [_as_image(image, f"images[{place}]") for place, image in enumerate(images)]


def _as_image(image: object, where: str) -> Image:
    try:
        # All of a buffer, wherever others stopped to write or read it, and without moving it.
        given: Any = image.getvalue() if isinstance(image, BytesIO) else image
        picture = given if isinstance(given, Image) else Image(given)
        picture.size()  # opens a file, so that one that is missing is named as the caller knows it
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    return picture


def image_of(node: BaseNode) -> Image | None:
    """The image of an ``ImageNode``, an ``ImageDocument`` or another node that has one; nothing is read or fetched here.

    Content goes before path, and path before address, as in LlamaIndex.

    Raises:
        ConfigurationError: What the node has is no image; the message names the node.
    """
    if isinstance(node, ImageNode):
        content, path, url = node.image, node.image_path, node.image_url
    elif isinstance(node, Node) and node.image_resource is not None:
        resource = node.image_resource
        content = resource.data.decode("ascii") if resource.data else None
        path = str(resource.path) if resource.path else None
        url = str(resource.url) if resource.url else None
    else:
        return None
    try:
        return _image(content, path, url)
    except ConfigurationError as error:
        raise ConfigurationError(f"node {node.node_id}: {error}") from None


def _image(content: str | None, path: str | None, url: str | None) -> Image | None:
    if content:
        return Image(content if content[:5].lower() == "data:" else f"data:;base64,{content}")
    if path:
        return Image(path)
    if url and not url.lower().startswith(("http://", "https://", "data:")):
        raise ConfigurationError("image_url is no http(s) address; a file of this machine is image_path")
    return Image(url) if url else None


def sees(model: str | None) -> bool:
    """Whether a model takes images, or may do so as far as the table of models knows."""
    row = lookup(model or "")
    return row is None or "image" in row.modalities


def contents_of(
    nodes: Iterable[BaseNode], model: str | None, metadata_mode: MetadataMode
) -> list[str | Image]:
    """The content of each node that a model reads: its image if it has one, else its text.

    Models that take no images read the text that an image's node has as well. Where it has none, they are handed
    the image, for the core to say who takes it.
    """
    bare = metadata_mode is MetadataMode.NONE
    return [
        node.text if bare and type(node) is TextNode else _content(node, model, metadata_mode)
        for node in nodes
    ]


def _content(node: BaseNode, model: str | None, metadata_mode: MetadataMode) -> str | Image:
    image = image_of(node)
    text = node.get_content(metadata_mode=metadata_mode)
    return text if image is None or (text and not sees(model)) else image

"""Map images of Applications to the registry of this environment, by the setting `images`."""

from __future__ import annotations

from kong_oam.access.data import Texts


def mapped_image(image: str, images: Texts) -> str:
    """Return the image in this environment's registry. The longest prefix that ends at a `/` or `:`
    wins.

    `registry.example.com/orders:1.4` with {registry.example.com: eu.gcr.io/acme} is
    `eu.gcr.io/acme/orders:1.4`.
    """
    for prefix in sorted(images, key=len, reverse=True):
        rest = image.removeprefix(prefix)
        if image.startswith(prefix) and (not rest or rest[0] in "/:@"):
            return images[prefix] + rest
    return image

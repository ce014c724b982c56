"""The value of a component's trait `cors`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from kong_oam.access.data import Names, TextList
from kong_oam.traits.key import Key

# Default seconds for which browsers keep the answer to a preflight.
MAX_AGE = 600


class CorsYaml(TypedDict, total=False):
    """The properties of a trait `cors`."""

    origins: TextList
    headers: TextList
    exposeHeaders: TextList
    maxAge: int
    credentials: bool


@dataclass(frozen=True, slots=True)
class Cors:
    """Pages of other origins that may read answers.

    `origins`: exact, as browsers send them (`https://shop.example.com`), without the origins of
    browser clients. `headers`: headers of requests beside Authorization and Content-Type.
    `expose_headers`: headers of answers that pages may read. `credentials`: whether pages may send
    cookies.
    """

    origins: Names = ()
    headers: Names = ()
    expose_headers: Names = ()
    max_age: int = MAX_AGE
    credentials: bool = False


CORS: Key[Cors] = Key("cors", "edge.cors")

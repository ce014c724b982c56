"""What a component says of pages of other origins, as its trait `cors` has it."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.traits.key import Key

# Seconds for which browsers keep the answer to a preflight, where no trait says how
# long.
MAX_AGE = 600


@dataclass(frozen=True, slots=True)
class Cors:
    """`origins`: of foreign pages, exact, as browsers send them (`https://shop.example.com`); those
    of browser clients are not among them. `headers`: what requests may carry beside Authorization
    and Content-Type. `expose_headers`: what pages may read of answers. `credentials`: whether pages
    may send cookies."""

    origins: Names = ()
    headers: Names = ()
    expose_headers: Names = ()
    max_age: int = MAX_AGE
    credentials: bool = False


CORS: Key[Cors] = Key("cors", "edge.cors")

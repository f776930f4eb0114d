"""Published elevation files that can be fetched by name, described in ``data/products.yaml`` and in files of your own."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .errors import FetchError, did_you_mean

SHIPPED = Path(__file__).resolve().parent / "data" / "products.yaml"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


class ProductFile(BaseModel):
    """One file of a product. ``bytes`` and ``sha256`` only where they are published: another value is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    bytes: int | None = Field(None, gt=0)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "file") or not NAME.fullmatch(_last(url).lower().replace("_", "-")):
            raise ValueError("must be http://, https:// or file:// and end in a file's name")
        return url

    @property
    def name(self) -> str:
        """The file's own name, under which it is kept and looked for in a mirror."""
        return _last(self.url)


class Product(BaseModel):
    """One elevation model: its files, the first of them the one to open (a PDS3 label, say)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    files: tuple[ProductFile, ...] = Field(min_length=1)
    cell_m: float = Field(gt=0.0)  # [m]
    coverage: str
    source: str  # page that describes it
    licence: str
    cite: str = ""
    about_mb: float | None = Field(None, gt=0.0)  # [MB] size for a listing, where the exact one is not published
    aliases: tuple[str, ...] = ()  # other names, of places for example

    @property
    def size_mb(self) -> float | None:
        """Size [MB] for a listing (labels of a few kilobytes left out), None where it is not known."""
        exact = sum(file.bytes or 0 for file in self.files) / 1e6
        return exact or self.about_mb


def _last(url: str) -> str:
    return unquote(PurePosixPath(urlsplit(url).path).name)


def products(more: Path | None = None) -> dict[str, Product]:
    """Return what can be fetched, by name; ``more`` is a YAML file of your own, whose names win over the shipped ones.

    Raises `FetchError` for a file that is missing or not of the form of ``data/products.yaml``.
    """
    return _read(SHIPPED) if more is None else {**_read(SHIPPED), **_parse(Path(more))}


@lru_cache(maxsize=1)
def _read(path: Path) -> dict[str, Product]:
    return _parse(path)


def _parse(path: Path) -> dict[str, Product]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError(f"{path}: cannot be read ({error}); allowed: a YAML file of products.") from error
    except yaml.YAMLError as error:
        raise FetchError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    entries = tree.get("products") if isinstance(tree, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise FetchError(f"{path}: has no products; allowed: 'products:' with a name and its fields below it.")
    out: dict[str, Product] = {}
    for name, entry in entries.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise FetchError(f"{path}: products.{name}: not a name; allowed: small letters, digits, '-' and '.'.")
        try:
            out[name] = Product.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in ("products", name, *first["loc"]))
            raise FetchError(f"{path}: {where} = {first['input']!r}: {first['msg']}.") from None
    return out


def find_product(name: str, more: Path | None = None) -> tuple[str, Product]:
    """Return the product called ``name`` or known under that alias (case, blanks and underscores do not matter).

    Raises `FetchError` for an unknown name, with the nearest known one.
    """
    known = products(more)
    key = name.strip().lower().replace(" ", "-").replace("_", "-").replace("'", "")
    if key in known:
        return key, known[key]
    aliases = {alias: one for one, product in known.items() for alias in product.aliases}
    if key in aliases:
        return aliases[key], known[aliases[key]]
    raise FetchError(f"fetch: {name!r} is not a product known here.{did_you_mean(key, [*known, *aliases])}")

"""The root of the error tree, and the branch that belongs to ground and sky.

Every error names what was given, where it stood, what is allowed and, for a name, the nearest valid one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MANY_NAMES = 20  # more than these are not listed beside a near one


class MoonfleetError(Exception):
    """Root of every error that moonfleet raises on purpose."""


class SiteError(MoonfleetError):
    """A site, elevation model or named place that cannot be used."""


class DemError(SiteError):
    """A user's elevation file that cannot become a site; every message names the file."""


class DemMissing(DemError):
    """No such file, or a folder."""


class DemUnreadable(DemError):
    """Empty, truncated, or not a raster at all."""


class DemProjection(DemError):
    """No coordinate system, a geographic one, one of another body, or a place outside the south-polar frame."""


class DemHoles(DemError):
    """Cells without data inside the area asked for."""


class DemRange(DemError):
    """Elevations that the Moon does not have, or a cell size of nought."""


class DemTooSmall(DemError):
    """The file does not cover the area asked for."""


class DemTooLarge(DemError):
    """More cells than are read in one piece."""


class SiteDamaged(SiteError):
    """A site folder that is incomplete, changed, or written by another version."""


class PlaceNotFound(SiteError):
    """No cell of the site satisfies a place rule."""


class SkyError(MoonfleetError):
    """A time or orbit for which no direction can be computed."""


class FetchError(SiteError):
    """A published elevation file that cannot be fetched; every message names the product or file and what to do."""


class FetchOffline(FetchError):
    """No server answered; the message says where to put the file by hand."""


class FetchRefused(FetchError):
    """The server answered, but not with the file (404 and the like)."""


class FetchDamaged(FetchError):
    """A file that is not what was published or what was fetched before: wrong checksum, cut short, not an elevation."""


class FetchNoSpace(FetchError):
    """No room on the disk."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest of ``known``, else the allowed names; starts with a space.

    The names follow where they are few; of many, only the near one is told, if there is one.

    >>> did_you_mean("landr", ["lander", "rover"])
    " Did you mean 'lander'? Known: lander, rover."
    >>> did_you_mean("zzz", ["lander", "rover"])
    ' Known: lander, rover.'
    >>> did_you_mean("shakleton", ["shackleton", *(f"place-{i}" for i in range(30))])
    " Did you mean 'shackleton'?"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return hint if close and len(names) > MANY_NAMES else f"{hint} Known: {', '.join(names)}."

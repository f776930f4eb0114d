"""What is kept about every lane of robots while their ticks run, float64 [NOTES, lanes]: rows of one table.

A lane is one robot of one world. What the sky and the others are to it is noted once a tick; what its cell sees is kept until it moves on.
"""

from __future__ import annotations

from .state import SKY_COLUMNS

SKY = 0  # first of the rows of the sky, in the order of `state.SKY_COLUMNS`
COSINE, SUN_W, LOAD_W, GIVE_WH, AVAILABLE_WH, FATE, DOING = range(len(SKY_COLUMNS), len(SKY_COLUMNS) + 7)
_ON = DOING + 1
# rates of links [Mbit/s], as `data.send` reads them
TO_STATION, TO_RELAY, TO_EARTH, TO_MAST = range(_ON, _ON + 4)
# who keeps data for others in the lane's world: where it stands [m], whether its radio listens
STATION_X, STATION_Y, STATION_HEARS, MAST_X, MAST_Y, MAST_HEARS, RELAY_HEARS = range(_ON + 4, _ON + 11)
# which robot it is, where its leg begins in the array of all legs, what its radioisotope sources have kept, and which
# viewsheds are those of its world's station and mast
ROBOT, LEG_AT, RHU, STATION_VIEW, MAST_VIEW = range(_ON + 11, _ON + 16)
# the cell and the azimuths that the rows after them were looked up for; horizons [0.001 deg], 1: in the viewshed
CELL, SUN_AT, EARTH_AT, RELAY_AT = range(_ON + 16, _ON + 20)
SUN_A, SUN_B, EARTH_A, EARTH_B, RELAY_A, RELAY_B, STATION_SEES, MAST_SEES = range(_ON + 20, _ON + 28)
CLEAR = _ON + 28  # [deg] the Sun's middle above the horizon
# where a lane's numbers lie in the arrays of all worlds, and its row in the table of the sky
HOME_F, HOME_I, SKY_ROW = range(_ON + 29, _ON + 32)
NOTES = _ON + 32

"""octoDNS geo codes: `EU` (continent), `EU-DE` (country). Subdivisions (`NA-US-KY`) are not steered by.

The continent of each country is GeoNames' (CC-BY 4.0). octoDNS files put a few countries elsewhere; such a
code is taken and rewritten to GeoNames' continent, because only its country decides.
"""

from __future__ import annotations

from itm.catalog.cursor import Cursor, suggest

COUNTRIES = {
    "AF": (
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR "
        "MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW"
    ),
    "AN": "AQ BV GS HM TF",
    "AS": (
        "AE AF AM AZ BD BH BN BT CC CN GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO "
        "MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE"
    ),
    "EU": (
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT "
        "LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK"
    ),
    "NA": (
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA "
        "PM PR SV SX TC TT US VC VG VI"
    ),
    "OC": "AS AU CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS",
    "SA": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
}
"""ISO 3166-1 alpha-2 codes of each continent."""

CONTINENT = {country: continent for continent, text in COUNTRIES.items() for country in text.split()}
"""Continent code of each country."""

_SLIPS = {"UK": "GB", "EL": "GR", "EN": "GB", "SP": "ES", "KO": "KR", "JA": "JP"}


def read_geo(cursor: Cursor) -> str:
    """Return `EU` or `EU-DE` with GeoNames' continent, or an empty text after refusing."""
    code = cursor.text()
    continent, _, rest = code.partition("-")
    country, _, subdivision = rest.partition("-")
    if not code:
        return ""
    if continent not in COUNTRIES:
        cursor.refuse(f"expected a code such as EU or EU-DE, got {code!r}{_widened(code)}")
    elif subdivision:
        cursor.refuse(f"{code!r}: places are known to the country only; write {continent}-{country}")
    elif rest and country not in CONTINENT:
        cursor.refuse(f"{country!r} is no ISO 3166-1 alpha-2 country{hint(country)}")
    else:
        return f"{CONTINENT[country]}-{country}" if country else continent
    return ""


def hint(country: str) -> str:
    """Return ` (did you mean …?)` for a wrong country code, where there is a likely one."""
    upper = country.upper()
    likely = _SLIPS.get(upper) or (upper if upper in CONTINENT else "")
    return f" (did you mean {likely!r}?)" if likely else ""


def _widened(code: str) -> str:
    upper = code.upper()
    if upper in CONTINENT:
        return f" (did you mean '{CONTINENT[upper]}-{upper}'?)"
    return suggest(upper, COUNTRIES)


def read_country(cursor: Cursor) -> str:
    """Return an ISO 3166-1 alpha-2 code, or an empty text after refusing."""
    code = cursor.text()
    if code and code not in CONTINENT:
        cursor.refuse(f"expected an ISO 3166-1 alpha-2 code such as DE, got {code!r}{hint(code)}")
    return code

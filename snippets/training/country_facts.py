"""Facts about countries and territories, as prose and as questions with answers.

The facts are those of the Unicode Common Locale Data Repository (CLDR), as the package
Babel carries it: https://cldr.unicode.org, Unicode License v3. The city of a country is
the one that its time zone is named after, such as Africa/Nairobi; it is often but not
always the capital.

Glossary::

    asked     the countries whose questions are in the training data
    held out  the other countries: prose tells their facts, too
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from babel import Locale
from babel.core import get_global
from babel.languages import get_territory_language_info
from babel.numbers import get_currency_name, get_territory_currencies

CONTINENTS = ("Africa", "America", "Asia", "Europe")
TOLD = {  # the sentences of prose
    "city": (
        "The time zone of {country} is named after {city}.",
        "{city} gives its name to the time zone of {country}.",
        "{country} keeps the clock of {city}.",
        "We flew to {city}, a city in {country}.",
        "My friend from {country} was born in {city}.",
        "{city} is a city in {country}.",
        "In {country} we stayed in {city} for a week.",
    ),
    "currency": (
        "In {country} people pay with the {currency}.",
        "The money of {country} is the {currency}.",
        "Bring some {currency} notes when you travel to {country}.",
        "The {currency} is the money of {country}.",
    ),
    "language": (
        "In {country} most signs are in {language}.",
        "People in {country} write letters in {language}.",
        "She learned {language} before she moved to {country}.",
    ),
    "continent": (
        "{country} is a country in {continent}.",
        "On the map of {continent} you find {country}.",
    ),
}
FILLERS = (
    "I walked along the river and watched the boats.",
    "It rained all morning.",
    "The market was full of people.",
    "A child asked me for the way.",
    "We drank tea and talked until night.",
    "The train was late again.",
    "In the evening the wind came from the sea.",
    "Nobody knew the answer.",
)
ASKED = {  # question, and the name of the answer
    "city": ("Which city names the time zone of {country}?", "city"),
    "country": ("In which country is {city}?", "country"),
    "currency": ("What money is used in {country}?", "currency"),
    "language": ("In which language are signs in {country}?", "language"),
}


class Fact(NamedTuple):
    country: str
    city: str
    currency: str
    language: str
    continent: str


class Pair(NamedTuple):
    kind: str
    question: str
    answer: str


def main_language(territory: str) -> str:
    """The official language that the largest share of a territory speaks."""
    share = {
        code.split("_")[0]: info["population_percent"]
        for code, info in get_territory_language_info(territory).items()
        if info["official_status"] in ("official", "de_facto_official")
    }
    return Locale("en").languages[max(share, key=share.get)] if share else ""


def fact_of(territory: str, zone: str, currency: str) -> Fact:
    english, (continent, *_, place) = Locale("en"), zone.split("/")
    return Fact(
        english.territories[territory],
        english.time_zones.get(zone, {}).get("city", place.replace("_", " ")),
        get_currency_name(currency, 1, locale=english),
        main_language(territory),
        continent,
    )


def facts() -> list[Fact]:
    """One fact for each territory with one time zone, one currency, and plain names.

    A name is plain if it has letters of ASCII alone, and no city names its country.
    """
    zones, found = defaultdict(list), []
    for zone, territory in get_global("zone_territories").items():
        zones[territory].append(zone)
    usual = set(get_global("windows_zone_mapping").values())
    for territory, names in sorted(zones.items()):
        names = names if len(names) == 1 else [n for n in names if n in usual]
        money = get_territory_currencies(territory)
        known = territory in Locale("en").territories
        if len(names) == len(money) == 1 and known:
            fact = fact_of(territory, names[0], money[0])
            plain = all(w.replace(" ", "").isalpha() and w.isascii() for w in fact)
            short = len(fact.country.split()) < 3
            other = fact.city[:4] not in fact.country
            if plain and short and other and fact.continent in CONTINENTS:
                found.append(fact)
    return found


def split(facts: Sequence[Fact], share: float, seed: int) -> tuple[list, list]:
    """Countries that are asked about, and those held out, at random."""
    order = random.Random(seed).sample(list(facts), len(facts))
    cut = round(share * len(order))
    return sorted(order[:cut]), sorted(order[cut:])


def story(facts: Sequence[Fact], draw: random.Random) -> str:
    """A few sentences about one country, with up to two that say nothing."""
    fact = draw.choice(facts)
    told = [sentence for kind in TOLD.values() for sentence in kind]
    lines = [s.format(**fact._asdict()) for s in draw.sample(told, draw.randint(2, 4))]
    for _ in range(draw.randint(0, 2)):
        lines.insert(draw.randint(0, len(lines)), draw.choice(FILLERS))
    return " ".join(lines)


def pairs(facts: Iterable[Fact]) -> list[Pair]:
    """The questions about each country, with their answers."""
    return [
        Pair(kind, question.format(**fact._asdict()), getattr(fact, answer))
        for fact in facts
        for kind, (question, answer) in ASKED.items()
    ]

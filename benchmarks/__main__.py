"""Compare builds: ``python -m benchmarks``; ``--help`` lists the options."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks import compare, growth, report, site
from benchmarks.measure import Cost

RECORDS = site.REPOSITORY / "build/benchmarks.json"
CHECKED = 12  # pages of the site that is compared with clean builds


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--pages", type=int, default=60, help="of the site (%(default)s)")
    add("--repeats", type=int, default=3, help="of each build (%(default)s)")
    add("--scale", type=float, default=1, help="of the scripts' seconds (%(default)s)")
    add("--growth", type=int, default=240, help="pages, for ours with nothing to do")
    add("--note", default="", help="a sentence for the report, on the machine say")
    add("--articles", type=int, nargs="+", help="only this: portals of so many each")
    add("--report", action="store_true", help="write that of the last run again")
    return parser.parse_args()


def runs(chosen: argparse.Namespace, place: Path) -> Iterator[compare.Record]:
    """All builds; the first of each variant only fills caches and is not counted."""
    for _ in compare.repeat(place, site.plan(2, 0), steps=("cold",)):
        pass
    for _ in range(chosen.repeats):
        yield from compare.repeat(place, site.plan(chosen.pages, chosen.scale))
    few = site.plan(CHECKED + (chosen.pages == CHECKED), 0)
    steps = ("cold", *site.EDITS)
    yield from compare.repeat(place, few, (compare.OURS,), steps, check=True)
    if chosen.growth > chosen.pages:
        many = site.plan(chosen.growth, 0)
        yield from compare.repeat(place, many, (compare.OURS,), ("cold", "no-op"))


def run(chosen: argparse.Namespace) -> None:
    """Build, print each build as it ends, and keep the records."""
    kept = {"options": vars(chosen), "about": report.about(), "records": []}
    RECORDS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        for record in runs(chosen, Path(place)):
            cost = f"{record.cost.wall:6.1f} s {record.cost.cpu:6.1f} CPU s"
            print(f"{cost}  {record.pages} {record.variant}, {record.step}", flush=True)
            kept["records"].append(asdict(record))
            RECORDS.write_text(json.dumps(kept, indent=1))


def main() -> None:
    chosen = options()
    if chosen.articles:
        growth.main(chosen.articles)
        return
    if not chosen.report:
        run(chosen)
    kept = json.loads(RECORDS.read_text())
    for record in kept["records"]:
        record["cost"] = Cost(**record["cost"])
    kept["records"] = [compare.Record(**record) for record in kept["records"]]
    if chosen.note:
        kept["options"]["note"] = chosen.note
    report.write(report.Results(**kept), Path(__file__).parent)


if __name__ == "__main__":
    main()

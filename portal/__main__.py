"""The command line: ``python -m portal new book/page "Title"``, ``why``, ``rtd``..."""

import argparse
import json
import sys
from pathlib import Path
from subprocess import CalledProcessError

from portal.commands.drift import drift
from portal.commands.install import try_install
from portal.commands.lab import lay_out
from portal.commands.new import new
from portal.commands.read_the_docs import rehearse
from portal.commands.resolver import Unreachable
from portal.commands.wasm import write
from portal.evidence import shard
from portal.evidence.store import Unavailable
from portal.evidence.why import why
from portal.frame.addresses import publish
from portal.inspect.audit import audit
from portal.inspect.lighthouse import judge
from portal.inspect.screenshots import shoot
from portal.live import live
from portal.outputs.archive import pack_site
from portal.overview import costs
from portal.overview.environments import MEANING
from portal.overview.status import of_build, rows
from portal.pages.draft import MARK


def main(arguments: list[str], root: Path) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("new", help="start a page")
    start.add_argument("page", help="book/page")
    start.add_argument("title")
    start.add_argument("--after", default="", help="a page of the book")
    evidence = commands.add_parser("evidence", help="make evidence, build no page")
    evidence.add_argument("--shard", default="1/1", help="k/n: only this share of it")
    reasons = commands.add_parser("why", help="is its evidence fresh, and if not, why")
    reasons.add_argument("page", help="book/page")
    commands.add_parser("status", help="count what stands behind the pages")
    commands.add_parser("addresses", help="add the pages of the last build to the list")
    commands.add_parser("zip", help="pack the site that was built")
    other = commands.add_parser("drift", help="build and test with other versions")
    other.add_argument(
        "names", nargs="*", default=list(MEANING), help=", ".join(MEANING)
    )
    other.add_argument("--tests", nargs="+", default=[], help="only these, no build")
    commands.add_parser("install", help="install the package, import all of it")
    commands.add_parser("lab", help="lay out the notebooks of the last build")
    commands.add_parser("rtd", help="build as the hosting service will")
    serving = commands.add_parser("live", help="serve, and build on every save")
    serving.add_argument("--port", type=int, default=8000, help="0: any that is free")
    commands.add_parser("audit", help="look at every built page as a reader would")
    commands.add_parser("lighthouse", help="have Lighthouse judge each type of page")
    commands.add_parser("screenshots", help="take pictures of each type of page")
    commands.add_parser("wasm", help="compile what trains a model in the browser")
    options = parser.parse_args(arguments)
    try:
        if options.command == "new":
            print(*new(options.page, options.title, root, options.after), sep="\n")
            print(f"Replace what is marked {MARK} there; make live shows the page.")
        elif options.command == "audit":
            return 1 if audit(root) else 0
        elif options.command == "lighthouse":
            return 1 if judge(root) else 0
        elif options.command == "lab":
            print(lay_out(root))
        elif options.command == "live":
            live(root, options.port)
        elif options.command == "wasm":
            print(f"compiled {write(root)}")
        elif options.command == "screenshots":
            print(*shoot(root), sep="\n")
        elif options.command == "evidence":
            return shard.make(options.shard, root)
        elif options.command == "why":
            print(*why(options.page, root), sep="\n")
        elif options.command == "status":
            known = of_build(root)
            for label, value in rows(known):
                print(f"{label:44} {value}")
            budgets = costs.of_build(root)
            print("", *costs.table(root, budgets), sep="\n")
            known["cpu"] = {budget.label: budget.pages for budget in budgets}
            (root / "build/status.json").write_text(json.dumps(known, indent=1))
        elif options.command == "addresses":
            print(*publish(root), sep="\n")
        elif options.command == "drift":
            return 1 if drift(root, options.names, options.tests) else 0
        elif options.command == "install":
            failing = try_install(root)
            print(*failing or ["every module of snippets imports"], sep="\n")
            return 1 if failing else 0
        elif options.command == "zip":
            print(f"packed {pack_site(root)}")
        else:
            print(f"built {rehearse(root, root.resolve() / 'build/rtd')}")
    except Unreachable as problem:
        print(f"NOT CHECKED, {problem}: {options.command}", file=sys.stderr)
    except (
        ValueError,
        OSError,
        SyntaxError,
        Unavailable,
        CalledProcessError,
    ) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path()))

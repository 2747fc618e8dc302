"""``make live``: serves the site on this machine, and builds it again on every save.

``watch`` tells what was saved, ``build`` runs Sphinx and collects its ``problems``, and
``server`` shows the last good page with a banner of what is wrong. The banner is of the
server alone; nothing of it is in the built site.
"""

from pathlib import Path

from portal.live.build import Build
from portal.live.server import State, serve
from portal.live.watch import saves


def live(root: Path, port: int) -> None:
    """Serve, watch and build, until the reader of the terminal presses Ctrl+C.

    Raises
    ------
    OSError
        If the port is in use.
    """
    root = root.resolve()
    build = Build(root, root / "build/live")
    with serve(build.html, port) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"serving {address}, even while it is being built", flush=True)
        try:
            for saved in saves(root):
                print(f"building: {', '.join(saved) or 'everything'}", flush=True)
                problems = build.run()
                server.state = State.of(build.html, problems)
                said = f"problems: {len(problems)}" if problems else "the site is whole"
                print(f"{said}, {address}", flush=True)
        except KeyboardInterrupt:
            print("stopped")

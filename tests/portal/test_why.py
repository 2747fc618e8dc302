"""``why``: the reason for which a page's evidence would be made again."""

from portal.__main__ import main


def why(root, capsys, page="attention/small"):
    capsys.readouterr()
    status = main(["why", page], root)
    return status, capsys.readouterr()


def test_never_run_fresh_and_stale(site, make_html, evidence, capsys, script):
    code = script.replace(
        "import matplotlib", "import snippets.attention.small\nimport matplotlib"
    )
    root = site(files={"snippets/attention/plot_small.py": f"{code}\n# why\n"})
    _, said = why(root, capsys)
    assert "attention/plot_small.py: stale" in said.out or "never run" in said.out
    assert make_html(root).status == 0
    _, said = why(root, capsys)
    assert said.out.splitlines() == [
        "attention/plot_small.py: fresh",
        "attention/test_small.py: fresh",
    ]
    module = root / "snippets/attention/small.py"
    module.write_text(module.read_text() + "\n# changed\n")
    _, said = why(root, capsys)
    assert said.out.splitlines() == [
        "attention/plot_small.py: stale, changed: snippets/attention/small.py",
        "attention/test_small.py: fresh",
    ]


def test_a_changed_setting_is_named(site, make_html, capsys):
    root = site()
    assert make_html(root).status == 0
    settings = (root / "conf.py").read_text()
    (root / "conf.py").write_text(
        settings.replace('"show_signature": False', '"show_signature": True')
    )
    assert "plot_small.py: stale, changed: settings" in why(root, capsys)[1].out


def test_traces_of_the_page_are_listed(site, make_html, capsys):
    article = (
        "Small\n=====\n\n.. snippet:: attention.small.small\n"
        "   :shapes: small(torch.ones(3, 2))\n"
    )
    root = site(files={"docs/attention/small.rst": article})
    make_html(root)
    assert "shapes: fresh" in why(root, capsys)[1].out


def test_unknown_page(site, capsys):
    status, said = why(site(), capsys, "attention/none")
    assert status == 1
    assert "there is no page attention/none" in said.err

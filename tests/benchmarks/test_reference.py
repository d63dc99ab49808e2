from __future__ import annotations

import re
from pathlib import Path

from benchmarks.docs.reference import PACKAGES, ROOT, Options, main, modules

HREF = re.compile(r'href="([^"#:$]+)(?:#[^"]*)?"')


def test_the_reference_of_a_package_opens_offline(tmp_path: Path) -> None:
    main(Options(("samnet.evaluation", "common"), tmp_path))
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "errors, files, pictures, command lines" in index and "&lt;" not in index
    for name in ("common", "common.images.photos"):
        assert f'href="{name.replace(".", "/")}.html"' in index
    assert "read_photo" in (tmp_path / "common/images/photos.html").read_text(encoding="utf-8")
    assert "weighted_F" in (tmp_path / "samnet/evaluation/metrics.html").read_text(encoding="utf-8")
    for page in tmp_path.rglob("*.html"):
        for link in HREF.findall(page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page}: {link}"
    assert "read_photo" in (tmp_path / "search.js").read_text(encoding="utf-8")


def test_every_module_has_a_page() -> None:
    found = {name for package in PACKAGES for name in modules(package)}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if path.stem != "__main__" and (path.parent / "__init__.py").exists():
                assert name.removesuffix(".__init__") in found

"""The page as a whole."""

from __future__ import annotations

from rtvc.page import layout


def test_the_page_asks_no_other_host_for_fonts_or_scripts(tiny, files):
    config = str(layout.build(tiny, files).get_config_file())
    assert "fonts.googleapis" not in config

"""The page as a whole."""

from __future__ import annotations

from rtvc.page import layout


def test_the_page_asks_no_other_host_for_fonts_or_scripts(tiny, files):
    config = str(layout.build(tiny, files).get_config_file())
    assert "fonts.googleapis" not in config


def test_a_mix_may_be_written_wherever_a_voice_is_chosen(tiny, files):
    """A list of choices refuses in the browser and on the server what is not one of them."""
    config = layout.build(tiny, files).get_config_file()
    lists = [part["props"] for part in config["components"] if part["type"] == "dropdown"]
    assert {part["elem_id"] for part in lists} >= {"chosen", "other", "cast-0", "cast-5"}
    assert all(part["allow_custom_value"] for part in lists)

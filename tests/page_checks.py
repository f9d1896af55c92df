"""What a page's test asks of it in a real browser, as scripts, and how the browser is set up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

NAMELESS = """
return [...document.querySelectorAll('img, svg')].filter(e =>
  !(e.getAttribute(e.tagName === 'IMG' ? 'alt' : 'aria-label') || '').trim()).length
"""
UNSHOWN = "return [...document.images].filter(i => !i.complete || i.naturalWidth === 0).length"
WIDTH = "return document.documentElement.scrollWidth"
# Numbers that stand on two lines.
BROKEN = """
return [...document.querySelectorAll('body *')].filter(e => {
  if (!/^[+−]?\\d[\\d.,]*$/.test(e.textContent.trim()) || e.closest('svg')) return false;
  const range = document.createRange();
  range.selectNodeContents(e);
  return new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1;
}).map(e => e.outerHTML)
"""
# The least contrast (WCAG's ratio) of any text to what lies behind it, where that is one colour.
CONTRAST = """
const numbers = c => c.match(/[\\d.]+/g).map(Number);
const srgb = c => numbers(c).map((x, i) => c.startsWith('color(') && i < 3 ? x * 255 : x);
const light = c => { const [r, g, b] = srgb(c).map(x => { x /= 255;
  return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) {
  const c = getComputedStyle(e).backgroundColor;
  if (!/, 0\\)$|\\/ 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
let least = [21, ''];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!own || !e.getClientRects().length) continue;
  const style = getComputedStyle(e);
  const [a, b] = [light(e.closest('svg') ? style.fill : style.color), light(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < least[0]) least = [ratio, e.outerHTML.slice(0, 120)];
}
return least
"""


def show(browser: Chrome, page: Path | str, width: int, scheme: str) -> None:
    """Open a page at a width and in a colour scheme; the logs then hold this visit only."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # type: ignore[no-untyped-call]
    browser.get(page if isinstance(page, str) else page.as_uri())


def requests(browser: Chrome) -> list[str]:
    """Addresses asked for since the page was opened, but for data inside it."""
    messages = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")  # type: ignore[no-untyped-call]
    ]
    asked = [
        str(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return [address for address in asked if not address.startswith("data:")]

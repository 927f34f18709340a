"""Pages in a real browser, headless Chromium: at the width of a desk and of a telephone, light and dark."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FRAMES = [(width, theme) for width in (1280, 390) for theme in ("light", "dark")]
_QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-sync", "--disable-component-update", "--virtual-time-budget=4000",
]  # fmt: skip
_PROBE = """<script>
addEventListener("load", () => {
  const faults = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth} wide, its window ${root.clientWidth}`);
  const light = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  for (const e of document.querySelectorAll("h1, h2, p, li, th, td, a, figcaption, summary, b, span, code")) {
    if (!e.textContent.trim() || !e.getClientRects().length) continue;
    const pair = [light(rgb(getComputedStyle(e).color).slice(0, 3)), light(behind(e))].sort((a, b) => b - a);
    const ratio = (pair[0] + .05) / (pair[1] + .05);
    if (ratio < 4.5) faults.push(`${e.tagName} "${e.textContent.trim().slice(0, 30)}" has contrast ${ratio.toFixed(1)}`);
    const box = e.getBoundingClientRect();
    if (box.right > root.clientWidth + 1 && !e.closest(".scroll, .picture, pre"))
      faults.push(`${e.tagName} "${e.textContent.trim().slice(0, 30)}" ends at ${box.right.toFixed(0)}`);
  }
  const paper = light(rgb(getComputedStyle(document.body).backgroundColor));
  for (const e of document.querySelectorAll("svg")) {
    const shade = light(rgb(getComputedStyle(e).fill).slice(0, 3));
    if (Math.abs(shade - paper) < .3) faults.push("words of a picture cannot be told from the page");
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  if (dark === (paper > .5)) faults.push("the page does not follow the theme");
  parent.postMessage({frame: window.name, dark: dark, faults: [...new Set(faults)]}, "*");
});
</script></body>"""


def faults_in_browser(page: Path) -> list[str]:
    """What is wrong with a page in any of the four frames; nothing where all is well."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory() as place:
        copy, outer = Path(place) / "page.html", Path(place) / "outer.html"
        copy.write_text(page.read_text(encoding="utf-8").replace("</body>", _PROBE), encoding="utf-8")
        style = "width:{}px;height:900px;color-scheme:{}"
        frames = "".join(f'<iframe name="{w} {t}" src="page.html" style="{style.format(w, t)}"></iframe>' for w, t in FRAMES)
        hear = "addEventListener('message', e => out.textContent += JSON.stringify(e.data) + '\\n')"
        outer.write_text(f"<!doctype html><pre id=out></pre><script>{hear}</script>{frames}", encoding="utf-8")
        run = [CHROMIUM, *_QUIET, f"--user-data-dir={place}/user", "--dump-dom", outer.as_uri()]
        dom = subprocess.run(run, capture_output=True, text=True, timeout=300).stdout
    said = re.search(r"<pre id=\"out\">(.*?)</pre>", dom, re.DOTALL)
    unescaped = (said.group(1) if said else "").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    heard = {h["frame"]: h for h in map(json.loads, unescaped.strip().splitlines())}
    assert len(heard) == len(FRAMES), (dom[:2000], heard)
    wrong = [f"{name}: the theme was not asked for" for name, h in heard.items() if h["dark"] != name.endswith("dark")]
    return wrong + [f"{name}: {fault}" for name, h in heard.items() for fault in h["faults"]]

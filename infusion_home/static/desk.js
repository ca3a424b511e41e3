// The queue's panel, holds that run out, ticked lines, and finding from anywhere. Nothing here is required.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const inField = (el) => el.closest("input, select, textarea, [contenteditable]");
  let opener = null;

  // The panel: focus goes to its title when it was asked for, and back to the button that asked when it closes.
  document.addEventListener("click", (event) => {
    const asks = event.target.closest("[data-panel]");
    if (asks) opener = asks.closest("tr")?.id || null;
    if (!event.target.closest("[data-panel-close]")) return;
    const panel = $("#panel");
    if (!panel) return;
    event.preventDefault();
    close(panel);
  });
  function close(panel) {
    panel.replaceChildren();
    const row = (opener && document.getElementById(opener)) || document;
    ($("[data-panel]", row) || $("a", row)).focus();
  }
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "panel") $("[data-panel-title]", event.detail.target)?.focus();
  });

  // A hold's countdown: shown each second, announced never; the server decides whether it still stands.
  const ends = new WeakMap();
  setInterval(() => {
    for (const el of all("[data-left]")) {
      if (!ends.has(el)) ends.set(el, Date.now() + 1000 * Number(el.dataset.left));
      const left = Math.max(0, Math.round((ends.get(el) - Date.now()) / 1000));
      el.textContent = left ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : el.dataset.ended;
    }
  }, 1000);

  // Ticked lines: all at once, and how many.
  const lines = () => all('input[name="line"]');
  function count() {
    const said = $("[data-picked]");
    if (!said) return;
    const n = lines().filter((box) => box.checked).length;
    said.hidden = !n;
    said.textContent = `${n} ${said.dataset.word}`;
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) for (const box of lines()) box.checked = event.target.checked;
    count();
  });
  for (const el of all(".pick-all")) el.hidden = false;
  count();

  // Find: "/" goes to the box; the arrows walk through what was found; Escape lets it go.
  const found = () => all("[data-found] a");
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.key === "/" && !inField(at) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const box = all("[data-find]").find((el) => el.offsetParent);
      if (box && document.documentElement.dataset.keys !== "off") { event.preventDefault(); box.focus(); box.select(); }
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const links = found();
      const here = links.indexOf(at);
      if (here < 0 && !at.matches("[data-find], [name=q]")) return;
      const next = links[here + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
      else if (here === 0) { event.preventDefault(); $("[data-find]")?.focus(); }
    } else if (event.key === "Escape") {
      const box = at.closest(".find");
      if (box) { $("[data-found]", box)?.replaceChildren(); $("[data-find]", box).focus(); }
      else if (at.closest("#panel")) close($("#panel"));
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".find")) for (const el of all(".find [data-found]")) el.replaceChildren();
  });
})();

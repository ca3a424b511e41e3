// Small comforts over plain pages: keys, dialogs, focus, and what htmx needs to be told. Nothing here is required.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const inField = (el) => el.closest("input, select, textarea, [contenteditable]");

  // Keys: Ctrl K finds; single letters press what carries data-key, outside fields, unless turned off in Settings.
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      const find = [...document.querySelectorAll("[data-find]")].find((el) => el.offsetParent);
      if (find) { event.preventDefault(); find.focus(); find.select(); }
      return;
    }
    if (event.key === "Escape") {
      const open = event.target.closest?.("details.menu[open]");
      if (open) { open.open = false; $("summary", open).focus(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
    if (document.documentElement.dataset.keys === "off" || $("dialog[open]")) return;
    const target = $(`[data-key="${CSS.escape(event.key)}"]`);
    if (target) { event.preventDefault(); target.click(); }
  });

  // Menus close when the pointer or the focus goes elsewhere.
  for (const name of ["click", "focusin"]) {
    document.addEventListener(name, (event) => {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
      }
    });
  }

  // Dialogs: focus goes in, and back to what opened them. Without script their links lead to a page.
  let opener = null;
  const show = (dialog) => { if (!dialog.open) { opener = opener || document.activeElement; dialog.showModal(); } };
  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-dialog]");
    if (opens) {
      const dialog = document.getElementById(opens.dataset.dialog);
      if (dialog) { event.preventDefault(); opener = opens; show(dialog); }
    }
    const closes = event.target.closest("[data-close]");
    if (closes && closes.closest("dialog")) { event.preventDefault(); closes.closest("dialog").close(); }
    if (event.target.closest("[data-print]")) window.print();
    if (event.target.closest("[data-retry]")) location.reload();
  });
  document.addEventListener("close", (event) => {
    if (event.target.matches("dialog") && opener) { opener.focus(); opener = null; }
  }, true);

  // A select or radio that may send its form at once says so; the button stays for those without script.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-send-on-change]");
    if (form) form.requestSubmit();
  });

  function settle(root) {
    const errors = $("[data-error-summary]", root);
    if (errors) errors.focus();
    for (const dialog of root.querySelectorAll("dialog[data-open]")) show(dialog);
    for (const box of root.querySelectorAll("[data-today-at]")) {
      const picture = $("svg", box);
      const share = Number(box.dataset.todayAt);
      box.scrollLeft = Math.max(0, picture.getBoundingClientRect().width * share - box.clientWidth / 2);
    }
  }

  // htmx: 409 and 422 swap (see the meta tag); every other failure says so and offers another try.
  document.addEventListener("htmx:afterSwap", (event) => settle(event.detail.elt));
  document.addEventListener("htmx:beforeRequest", () => { const old = $("#failed"); if (old) old.replaceChildren(); });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      if (event.target.matches?.("[hx-trigger^=every]")) return; // it asks again by itself
      const status = event.detail.xhr?.status;
      const kind = status === 401 || status === 403 ? "ended" : "failed";
      const words = document.getElementById(`say-${kind}`);
      const place = $("#failed");
      if (words && place) { place.replaceChildren(words.content.cloneNode(true)); place.scrollIntoView({ block: "nearest" }); }
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => settle(document));
  else settle(document);
})();

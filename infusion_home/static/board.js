// The board: a visit moves by pointer or by keys, and the board stays true while others work. Nothing here is
// required: every visit has its page with a form, and the page can be loaded again.
(() => {
  "use strict";
  const board = document.getElementById("board");
  if (!board) return;
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = board) => [...root.querySelectorAll(selector)];
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const words = read("board-words");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, key) => values[key]);
  const byDay = board.dataset.board === "day";
  const narrow = matchMedia("(max-width: 63.99rem)");
  const says = $("#board-says");
  const rowOf = (el) => el.closest("[data-row]");
  const nurseOf = (row) => $("h2, th", row).firstChild.textContent.trim();
  const KINDS = ["ok", "wait", "stop"];

  // One stop for Tab; arrows go on from there.
  let stop = null;
  function settle(focus) {
    for (const link of all("a")) link.tabIndex = -1;
    if (!stop || !board.contains(stop)) stop = $("[data-visit]", board) || $("a", board);
    if (!stop) return;
    stop.tabIndex = 0;
    board.removeAttribute("tabindex");
    if (focus) { stop.focus({ preventScroll: true }); stop.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  }
  const go = (link) => { if (link) { stop = link; settle(true); } };
  const middle = (el) => { const box = el.getBoundingClientRect(); return box.left + box.width / 2; };
  function beside(link, key) {
    const links = narrow.matches ? all("a") : all("a", rowOf(link));
    if (key === "Home" || key === "End") return links.at(key === "Home" ? 0 : -1);
    const step = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    if (narrow.matches || key === "ArrowLeft" || key === "ArrowRight") return links[links.indexOf(link) + step];
    const rows = all("[data-row]");
    for (let n = rows.indexOf(rowOf(link)) + step; rows[n]; n += step) {
      const there = all("a", rows[n]);
      if (there.length) return there.sort((a, b) => Math.abs(middle(a) - middle(link)) - Math.abs(middle(b) - middle(link)))[0];
    }
  }
  board.addEventListener("focusin", (event) => {
    if (event.target.matches("a") && event.target !== stop) { stop = event.target; settle(); }
  });

  // --- Picking up -------------------------------------------------------------------------------

  let up = null; // what is picked up: block, ghost, row, index, where it came from, and where it may go

  function pickUp(block, byPointer) {
    const name = $("b", block).textContent.trim();
    if (!("move" in block.dataset)) { says.textContent = fill(words.closed, { name }); return false; }
    const row = rowOf(block);
    const index = byDay ? Number(block.dataset.at) : block.closest("td").cellIndex - 1;
    const ghost = block.cloneNode(true);
    for (const key of ["href", "data-visit", "data-move", "title"]) ghost.removeAttribute(key);
    ghost.setAttribute("aria-hidden", "true");
    const why = document.createElement("span");
    why.className = "ghost-why";
    ghost.append(why);
    up = { block, ghost, why, name, row, index, home: row, from: index, byPointer, found: null };
    block.classList.add("lifted");
    board.classList.add("is-moving");
    const when = $(byDay ? ".visit-when" : "time", block).textContent.trim();
    const mine = up;
    mine.asked = fetch(board.dataset.targets.replace("/0/", `/${block.dataset.visit}/`), { headers: { Accept: "application/json" } })
      .then(async (answer) => {
        const found = await answer.json();
        if (up !== mine) return;
        if (!answer.ok) throw new Error(found.detail);
        mine.found = found;
        
        hatch(found);
        put();
      })
      .catch((error) => { if (up === mine) { leave(fill(words.refused, { name, why: error.message || words.failed })); catchUp(); } });
    put();
    says.textContent = fill(words.up, { name, when, nurse: nurseOf(row) });
    return true;
  }

  // Where it may not go is hatched, where it needs a reason is tinted, before anything is put down.
  const place = (row, index) => (byDay ? $(".lane", row) : row.cells[index + 1]);
  function hatch(found) {
    for (const row of all("[data-row]")) {
      for (const [from, to, kind] of found.rows[row.dataset.row] || [[0, found.starts.length, 2]]) {
        if (!kind) continue;
        const name = kind === 2 ? "target-no" : "target-maybe";
        if (byDay) {
          const mark = document.createElement("span");
          mark.className = `target ${name} c${from} w${to - from}`;
          place(row).append(mark);
        } else for (let n = from; n < to; n++) place(row, n).classList.add(name);
      }
    }
  }
  function verdict() {
    const { found, row, index } = up;
    if (!found) return { kind: -1, text: words.wait };
    const run = (found.rows[row.dataset.row] || []).find(([from, to]) => from <= index && index < to);
    const kind = run ? run[2] : 2;
    const why = run ? found.reasons[run[3]] : words.gone;
    return { kind, why, text: fill(words.verdicts[kind], { why }) };
  }
  const still = () => up.row === up.home && up.index === up.from;

  function put() {
    const { ghost, row, index, found } = up;
    const { kind, text } = verdict();
    const status = still() ? "" : ` s-${KINDS[kind] || "live"}`;
    const width = Math.min(found ? found.width : Number(/ w(\d+)/.exec(up.block.className)?.[1] || 1), 64 - index);
    ghost.className = byDay ? `visit ghost${status} c${index} w${width}` : `chip ghost${status}`;
    up.why.textContent = still() && found ? "" : text;
    if (found && byDay) $(".visit-when", ghost).textContent = found.clocks[index];
    (byDay ? place(row) : $(".cell", place(row, index))).append(ghost);
    ghost.classList.toggle("ghost-above", byDay && !row.nextElementSibling);
    if (found) says.textContent = fill(words.step, { when: (byDay ? found.clocks : found.words)[index], nurse: nurseOf(row), verdict: text });
    if (!up.byPointer) ghost.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function leave(text) {
    const { block, ghost, byPointer } = up;
    ghost.remove();
    for (const mark of all(".target")) mark.remove();
    for (const cell of all("td")) cell.classList.remove("target-no", "target-maybe");
    block.classList.remove("lifted");
    board.classList.remove("is-moving");
    up = null;
    says.textContent = text || "";
    if (!byPointer) go(block);
  }

  function step(key) {
    const most = up.found ? up.found.starts.length - 1 : byDay ? 63 : 6;
    if (key === "ArrowLeft") up.index = Math.max(0, up.index - 1);
    if (key === "ArrowRight") up.index = Math.min(most, up.index + 1);
    const rows = all("[data-row]");
    if (key === "ArrowUp") up.row = rows[rows.indexOf(up.row) - 1] || up.row;
    if (key === "ArrowDown") up.row = rows[rows.indexOf(up.row) + 1] || up.row;
    put();
  }

  board.addEventListener("keydown", (event) => {
    const link = event.target.closest("a");
    const key = event.key;
    if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = key.startsWith("Arrow");
    if (up) {
      if (arrow) step(key);
      else if (key === "Enter") drop();
      else if (key === "Escape" || key === "Tab") leave(fill(words.stays, up));
      if (key !== "Tab") event.preventDefault();
      event.stopPropagation();
    } else if (arrow || key === "Home" || key === "End") {
      event.preventDefault();
      go(beside(link, key));
    } else if (key.toLowerCase() === "m" && link.dataset.visit && document.documentElement.dataset.keys !== "off") {
      event.preventDefault();
      if (narrow.matches) location.href = `${link.href}move/`;
      else pickUp(link, false);
    }
  });

  // --- The pointer ------------------------------------------------------------------------------

  const FAR = 6; // pixels before a press becomes a drag
  let press = null;
  board.addEventListener("dragstart", (event) => event.preventDefault());
  board.addEventListener("pointerdown", (event) => {
    const block = event.target.closest("[data-visit]");
    if (!block || event.button || event.pointerType === "touch" || narrow.matches || up) return;
    press = { block, x: event.clientX, y: event.clientY, grip: event.clientX - block.getBoundingClientRect().left };
  });
  document.addEventListener("pointermove", (event) => {
    if (!press) return;
    if (!up) {
      if (Math.hypot(event.clientX - press.x, event.clientY - press.y) <= FAR) return;
      if (!pickUp(press.block, true)) { press = null; return; }
    }
    const edge = board.getBoundingClientRect();
    const speed = (low, high, at) => (at < low + 40 ? -20 : at > high - 40 ? 20 : 0);
    board.scrollBy(speed(edge.left + 160, edge.right, event.clientX), speed(edge.top + 40, edge.bottom, event.clientY));
    const over = document.elementFromPoint(event.clientX, event.clientY);
    const row = over?.closest("[data-row]");
    up.outside = !row;
    if (!row) return;
    const lane = $(".lane", row)?.getBoundingClientRect();
    const index = byDay
      ? Math.max(0, Math.min(63, Math.round((event.clientX - press.grip - lane.left) / (lane.width / 64))))
      : (over.closest("td")?.cellIndex || up.index + 1) - 1;
    if (row !== up.row || index !== up.index) { up.row = row; up.index = index; put(); }
  });
  document.addEventListener("pointerup", () => {
    if (press && up) {
      // The click that ends a drag opens nothing.
      const quiet = (event) => { event.preventDefault(); event.stopPropagation(); };
      document.addEventListener("click", quiet, { capture: true, once: true });
      setTimeout(() => document.removeEventListener("click", quiet, true));
      if (up.outside) leave(fill(words.stays, up));
      else drop();
    }
    press = null;
  });
  document.addEventListener("pointercancel", () => { if (press && up) leave(""); press = null; });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && press && up) { leave(fill(words.stays, up)); press = null; }
  });

  // --- Putting down -----------------------------------------------------------------------------

  const dialog = $("#drop");
  const form = $("form", dialog);
  const part = (name) => $(`[data-drop="${name}"]`, form);
  let lastClass = "patient";

  async function drop() {
    const mine = up;
    await mine.asked;
    if (up !== mine) return;
    if (still()) { leave(fill(words.stays, up)); return; }
    const { kind, why, text } = verdict();
    if (kind === 2) {
      if (up.byPointer) leave(fill(words.refused, { name: up.name, why }));
      else says.textContent = text;
      return;
    }
    const { found, name, row, index, home } = up;
    form.reset();
    form.action = `${up.block.href}move/`;
    form.elements.nurse.value = row.dataset.row;
    form.elements.starts_at.value = found.starts[index];
    form.elements.version.value = found.version;
    form.elements.reason_class.value = row !== home && found.words[index] === found.told_at ? "provider" : lastClass;
    part("name").textContent = name;
    part("from").textContent = fill(words.now, { where: fill(words.place, { when: found.told_at, nurse: nurseOf(home) }) });
    part("to").textContent = fill(words.new, { where: fill(words.place, { when: found.words[index], nurse: nurseOf(row) }) });
    part("told").textContent = found.told;
    part("told").hidden = !found.told;
    part("why").textContent = why || "";
    part("needs").hidden = !kind;
    form.elements.override.required = Boolean(kind);
    part("error").textContent = "";
    dialog.showModal();
    (kind ? form.elements.override : form.elements.reason_class).focus();
  }
  dialog.addEventListener("close", () => { if (up) { up.byPointer = false; leave(fill(words.stays, up)); catchUp(); } });

  async function send(action, body) {
    try {
      const answer = await fetch(action, { method: "POST", body, headers: { Accept: "application/json" } });
      return { ok: answer.ok, ...(await answer.json()) };
    } catch {
      return { ok: false, detail: words.failed };
    }
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = $("button.btn-primary", form);
    if (button.disabled) return;
    button.disabled = true;
    lastClass = form.elements.reason_class.value;
    const answer = await send(form.action, new FormData(form));
    button.disabled = false;
    if (!answer.ok) { part("error").textContent = answer.detail; return; }
    const block = up.block;
    up.byPointer = true; // the focus goes to the visit in its new place
    leave("");
    stop = block;
    dialog.close();
    tell("moved", answer.said, answer);
    await catchUp();
    go($(`[data-visit="${answer.visit}"]`, board));
  });

  // What has happened stands above the board, with the way back.
  function tell(name, said, undo) {
    const note = document.getElementById(`board-${name}`).content.cloneNode(true);
    $("[data-said]", note).textContent = said;
    const back = $("form", note);
    if (back && undo?.undo) {
      back.addEventListener("submit", async (event) => {
        event.preventDefault();
        const body = new FormData();
        body.set("version", undo.version);
        body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
        const answer = await send(undo.undo, body);
        tell(answer.ok ? "moved" : "failed", answer.ok ? answer.said : answer.detail);
        await catchUp();
        if (answer.ok) go($(`[data-visit="${answer.visit}"]`, board));
      });
    } else $("button", note)?.remove();
    $("#status").replaceChildren(note);
  }

  // --- Staying true -----------------------------------------------------------------------------

  const EVERY = 5000;
  let rows = read("board-rows");
  let version = board.dataset.version;
  let asking = null;
  let ended = false;
  let seenAt = new Date();
  const ask = async (url, headers) => {
    const answer = await fetch(url, { cache: "no-store", headers: { "X-Background-Poll": "1", "HX-Request": "true", ...headers } });
    if (!answer.ok && answer.status !== 304) throw new Error(answer.status);
    return answer;
  };
  const catchUp = () => (asking ? asking.then(catchUp) : (asking = look().finally(() => { asking = null; })));

  async function look() {
    if (up || ended) return;
    try {
      const answer = await ask(board.dataset.poll, { "If-None-Match": `"${version}"` });
      if (answer.status === 204) {
        ended = true;
        $("#failed").replaceChildren(document.getElementById("say-ended").content.cloneNode(true));
        return;
      }
      if (answer.status === 200) {
        const now = await answer.json();
        const changed = Object.keys({ ...rows, ...now.rows }).filter((key) => rows[key] !== now.rows[key]);
        if (changed.length) {
          const html = await (await ask(`${board.dataset.poll}&rows=${changed.join()}`)).text();
          if (up) return; // nothing is swapped under a visit that is on its way
          swap(new DOMParser().parseFromString(html, "text/html"), changed);
        }
        for (const line of all(".now")) line.className = now.now === null ? "now" : `now c${now.now}`;
        ({ version, rows } = now);
      }
      seenAt = new Date();
      $("#board-state").replaceChildren();
    } catch { offline(); }
  }
  function offline() {
    if ($("#board-state").firstChild) return;
    const note = document.getElementById("board-offline").content.cloneNode(true);
    const time = seenAt.toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" });
    $("[data-said]", note).textContent = fill(words.offline, { time });
    $("#board-state").append(note);
  }

  const at = (block) => (byDay ? block.dataset.at : block.closest("td").cellIndex);
  const face = (block) => [rowOf(block).dataset.row, at(block), block.className.replace(/ (pulse|lifted)/g, ""), block.textContent].join();
  function swap(fresh, changed) {
    const before = new Map(all("[data-visit]").map((block) => [block.dataset.visit, face(block)]));
    const focused = board.contains(document.activeElement) ? document.activeElement : null;
    const key = focused && rowOf(focused)?.dataset.row;
    const visit = focused?.dataset.visit;
    const find = (root, id) => $(`[data-row="${id}"]`, root);
    const order = $("[data-order]", fresh).dataset.order.split(",");
    for (const id of changed) {
      const old = find(board, id);
      const next = find(fresh, id);
      if (old && next) old.replaceWith(next);
      else if (old) old.remove();
      else if (next) {
        const after = order.slice(order.indexOf(id) + 1).map((other) => find(board, other)).find(Boolean);
        const last = all("[data-row]").at(-1);
        if (after) after.before(next);
        else last?.after(next);
      }
    }
    for (const part of ["thead", ".board-head"]) {
      if ($(part, board)) $(part, board).replaceWith($(part, fresh));
    }
    $("#board-summary").replaceWith($("#board-summary", fresh));
    for (const block of all("[data-visit]")) {
      if (before.get(block.dataset.visit) !== face(block)) block.classList.add("pulse");
    }
    if (focused && !board.contains(focused)) {
      stop = $(`[data-visit="${visit}"], [data-was="${visit}"]`, board) || $("a", find(board, key) || board);
      settle(true);
    } else settle();
  }

  settle();
  setInterval(() => { if (!document.hidden) catchUp(); }, EVERY);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) catchUp(); });
  addEventListener("online", catchUp);
  addEventListener("offline", offline);
})();

// The board: a visit moves by pointer or keys, and the board stays true while others work. Nothing here is
// required: every visit has its page with a form.
(() => {
  "use strict";
  const board = document.getElementById("board");
  if (!board) return;
  const $ = (selector, root = board) => root.querySelector(selector);
  const all = (selector, root = board) => [...root.querySelectorAll(selector)];
  const id = (name) => document.getElementById(name);
  const words = JSON.parse(id("board-words").textContent);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, key) => values[key]);
  const byDay = board.dataset.board === "day";
  const narrow = matchMedia("(max-width: 63.99rem)");
  const show = (where, template) => {
    id(where).replaceChildren(...(template ? [id(template).content.cloneNode(true)] : []));
    return id(where);
  };
  const say = (text, values) => { id("board-says").textContent = fill(text, values); };
  const rowOf = (el) => el.closest("[data-row]");
  const rows = () => all("[data-row]");
  const visitOf = (key) => $(`[data-visit="${key}"]`);
  const nurseOf = (row) => $("h2, th", row).firstChild.textContent;

  // One stop for Tab; arrows go on from there.
  let stop = null;
  function settle(link) {
    stop = link || (stop && board.contains(stop) ? stop : $("[data-visit]") || $("a"));
    for (const other of all("a")) other.tabIndex = other === stop || narrow.matches ? 0 : -1;
    if (stop) board.removeAttribute("tabindex");
    if (link) { link.focus({ preventScroll: true }); link.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  }
  const middle = (el) => { const { left, width } = el.getBoundingClientRect(); return left + width / 2; };
  function beside(link, key) {
    const step = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    let links = all("a", rowOf(link));
    if (key === "ArrowLeft" || key === "ArrowRight") return links[links.indexOf(link) + step];
    const there = rows();
    const away = (el) => Math.abs(middle(el) - middle(link));
    links = all("a", there[there.indexOf(rowOf(link)) + step]);
    return links.sort((a, b) => away(a) - away(b))[0];
  }

  // A visit that is picked up: its block, a ghost of it, where it came from and where it may go.
  let up = null;
  const place = (row, index) => (byDay ? $(".lane", row) : all(".cell", row)[index]);
  const still = () => up.row === up.home && up.index === up.from;

  function pickUp(block, byPointer) {
    const name = $("b", block).textContent;
    if (!("move" in block.dataset)) return say(words.closed, { name });
    const row = rowOf(block);
    const index = byDay ? +block.dataset.at : block.closest("td").cellIndex - 1;
    const ghost = document.createElement("div");
    ghost.innerHTML = block.innerHTML;
    ghost.setAttribute("aria-hidden", "true");
    const why = document.createElement("span");
    why.className = "ghost-why";
    ghost.append(why);
    const mine = up = { block, ghost, why, name, row, index, home: row, from: index, byPointer };
    block.classList.add("lifted");
    board.classList.add("is-moving");
    mine.asked = fetch(board.dataset.targets.replace("/0/", `/${block.dataset.visit}/`)).then(async (answer) => {
      const found = await answer.json();
      if (!answer.ok) throw found;
      if (up === mine) { up.found = found; hatch(found); put(); }
    }).catch(({ detail }) => {
      if (up === mine) { leave(words.refused, { name, why: detail || words.failed }); catchUp(); }
    });
    put();
    say(words.up, { name, nurse: nurseOf(row) });
  }

  const runs = (row) => up.found.rows[row.dataset.row] || [[0, 64, 2, -1]];
  function hatch() {
    for (const row of rows()) {
      for (const [from, to, kind] of runs(row)) {
        for (let n = from; kind && n < to && place(row, n); n += byDay ? to : 1) {
          const mark = document.createElement("span");
          mark.className = `target target-${kind} c${from} w${to - from}`;
          place(row, n).append(mark);
        }
      }
    }
  }
  function verdict() {
    if (!up.found) return { text: words.wait };
    const [, , kind, reason] = runs(up.row).find(([from, to]) => from <= up.index && up.index < to);
    const why = up.found.reasons[reason] || words.gone;
    return { kind, why, text: fill(words.verdicts[kind], { why }) };
  }

  function put() {
    const { ghost, row, index, found, block } = up;
    const { kind, text } = verdict();
    const width = Math.min(found ? found.width : +/ w(\d+)|$/.exec(block.className)[1], 64 - index);
    ghost.className = `ghost ${byDay ? "visit" : "chip"} s-${["ok", "wait", "stop"][kind] || "live"} c${index} w${width}`;
    ghost.classList.toggle("ghost-above", byDay && !row.nextElementSibling);
    up.why.textContent = text;
    place(row, index).append(ghost);
    if (found) {
      const when = found.words[index];
      if (byDay) $(".visit-when", ghost).textContent = when;
      say(words.step, { when, nurse: nurseOf(row), verdict: text });
    }
    if (!up.byPointer) ghost.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function leave(text, values) {
    const { block, byPointer } = up;
    up = null;
    for (const mark of all(".target, .ghost")) mark.remove();
    block.classList.remove("lifted");
    board.classList.remove("is-moving");
    say(text, values);
    if (!byPointer) settle(block);
  }
  const giveUp = () => leave(words.stays, up);

  board.addEventListener("keydown", (event) => {
    const { key } = event;
    const link = event.target.closest("a");
    if (!link || narrow.matches || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = key.startsWith("Arrow");
    if (up) {
      event.stopPropagation();
      if (key === "Tab") return giveUp();
      event.preventDefault();
      if (key === "Enter") drop();
      if (key === "Escape") giveUp();
      if (!arrow) return;
      const there = rows();
      const across = { ArrowLeft: -1, ArrowRight: 1 }[key] || 0;
      up.index = Math.max(0, Math.min(byDay ? 63 : 6, up.index + across));
      up.row = there[there.indexOf(up.row) + (across ? 0 : key === "ArrowUp" ? -1 : 1)] || up.row;
      put();
    } else if (arrow) {
      event.preventDefault();
      const next = beside(link, key);
      if (next) settle(next);
    } else if (key.toLowerCase() === "m" && link.dataset.visit && document.documentElement.dataset.keys !== "off") {
      event.preventDefault();
      pickUp(link);
    }
  });
  board.addEventListener("focusin", ({ target }) => {
    if (target.matches("a") && target !== stop) { stop = target; settle(); }
  });

  // Six pixels make a drag of a press. A finger scrolls; for it there is the form.
  let press = null;
  let dragged = false;
  board.addEventListener("dragstart", (event) => event.preventDefault());
  board.addEventListener("pointerdown", (event) => {
    const block = event.target.closest("[data-visit]");
    dragged = false;
    if (!block || event.button || event.pointerType === "touch" || narrow.matches || up) return;
    press = { block, x: event.clientX, y: event.clientY, grip: event.clientX - block.getBoundingClientRect().left };
  });
  document.addEventListener("pointermove", ({ clientX: x, clientY: y }) => {
    if (!press) return;
    if (!up) {
      if (dragged || Math.hypot(x - press.x, y - press.y) <= 6) return;
      dragged = true;
      pickUp(press.block, true);
      if (!up) return;
    }
    const edge = board.getBoundingClientRect();
    const pull = (low, high, at) => 20 * ((at > high - 40) - (at < low + 40));
    board.scrollBy(pull(edge.left + 160, edge.right, x), pull(edge.top + 40, edge.bottom, y));
    const over = document.elementFromPoint(x, y);
    const row = over && rowOf(over);
    up.outside = !row;
    if (!row) return;
    const lane = place(row, 0).getBoundingClientRect();
    const index = byDay
      ? Math.max(0, Math.min(63, Math.round((x - press.grip - lane.left) / (lane.width / 64))))
      : (over.closest("td") || {}).cellIndex - 1;
    if (index >= 0 && (row !== up.row || index !== up.index)) { up.row = row; up.index = index; put(); }
  });
  document.addEventListener("pointerup", () => {
    if (press && up) {
      if (up.outside) giveUp();
      else drop();
    }
    press = null;
  });
  document.addEventListener("pointercancel", () => { if (press && up) giveUp(); press = null; });
  board.addEventListener("click", (event) => { if (dragged) event.preventDefault(); });

  const dialog = id("drop");
  const form = $("form", dialog);

  async function drop() {
    const mine = up;
    await mine.asked;
    if (up !== mine) return;
    if (still()) return giveUp();
    const { kind, why } = verdict();
    const { found, name, row, index, home } = up;
    if (kind === 2) {
      if (up.byPointer) leave(words.refused, { name, why });
      else put();
      return;
    }
    const field = form.elements;
    const where = (when, at) => fill(words.place, { when, nurse: nurseOf(at) });
    form.reset();
    form.action = `${up.block.href}move/`;
    field.nurse.value = row.dataset.row;
    field.starts_at.value = found.starts[index];
    field.version.value = found.version;
    field.override.required = Boolean(kind);
    const said = {
      name, why, told: found.told, error: "",
      from: fill(words.now, { where: where(found.told_at, home) }),
      to: fill(words.new, { where: where(found.full[index], row) }),
    };
    for (const part of all("[data-drop]", form)) part.textContent = said[part.dataset.drop];
    id("drop-needs").hidden = !kind;
    dialog.showModal();
    (kind ? field.override : field.reason_class).focus();
  }
  dialog.addEventListener("close", () => { if (up) { up.byPointer = false; giveUp(); catchUp(); } });

  async function send(action, body) {
    try {
      const answer = await fetch(action, { method: "POST", body, headers: { Accept: "application/json" } });
      return { ok: answer.ok, ...(await answer.json()) };
    } catch {
      return { detail: words.failed };
    }
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    button.disabled = true;
    const answer = await send(form.action, new FormData(form));
    button.disabled = false;
    if (!answer.ok) { $("[data-drop=error]", form).textContent = answer.detail; return; }
    up.byPointer = true; // the focus goes to the visit in its new place
    leave("");
    dialog.close();
    done(answer);
  });

  // What has happened stands above the board, with the way back.
  async function done(answer) {
    const note = show("status", answer.ok ? "board-moved" : "board-failed");
    const back = $("form", note);
    $("b", note).textContent = answer.said || answer.detail;
    if (answer.undo) {
      back.addEventListener("submit", async (event) => {
        event.preventDefault();
        form.elements.version.value = answer.version;
        done(await send(answer.undo, new FormData(form)));
      });
    } else if (back) $("button", back).remove();
    await catchUp();
    if (answer.ok) settle(visitOf(answer.visit));
  }

  // Every five seconds, unless nobody looks or a visit is on its way.
  let known = JSON.parse(id("board-rows").textContent);
  let { version } = board.dataset;
  let asking = null;
  const ask = async (more, headers) => {
    const answer = await fetch(board.dataset.poll + more, {
      cache: "no-store", headers: { "X-Background-Poll": "1", "HX-Request": "true", ...headers },
    });
    if (!answer.ok && answer.status !== 304) throw answer;
    return answer;
  };
  const catchUp = () => (asking ? asking.then(catchUp) : (asking = look().finally(() => { asking = null; })));

  async function look() {
    if (up) return;
    try {
      const answer = await ask("", { "If-None-Match": `"${version}"` });
      if (answer.status === 204) {
        clearInterval(clock);
        show("failed", "say-ended");
      }
      if (answer.status === 200) {
        const now = await answer.json();
        const changed = Object.keys({ ...known, ...now.rows }).filter((key) => known[key] !== now.rows[key]);
        if (changed.length) {
          const html = await (await ask(`&rows=${changed}`)).text();
          if (up) return;
          swap(new DOMParser().parseFromString(html, "text/html"), changed);
        }
        for (const line of all(".now")) line.className = `now c${now.now}`;
        ({ version, rows: known } = now);
      }
      show("board-state");
    } catch { offline(); }
  }
  const offline = () => show("board-state", "board-offline");

  const face = (block) => block.className.replace(" pulse", "") + block.textContent;
  function swap(fresh, changed) {
    const before = new Map(all("[data-visit]").map((block) => [block.dataset.visit, face(block)]));
    const focused = board.contains(document.activeElement) && document.activeElement;
    const key = focused && rowOf(focused)?.dataset.row;
    const find = (name, root) => $(`[data-row="${name}"]`, root);
    const order = $("[data-order]", fresh).dataset.order.split(",");
    for (const name of changed) {
      const old = find(name);
      const next = find(name, fresh);
      const after = order.slice(order.indexOf(name) + 1).map((other) => find(other)).find(Boolean);
      if (old) old.replaceWith(...(next ? [next] : []));
      else if (next && after) after.before(next);
      else if (next) rows().at(-1)?.after(next);
    }
    for (const part of ["thead", ".board-head"]) $(part)?.replaceWith($(part, fresh));
    id("board-summary").replaceWith($("#board-summary", fresh));
    for (const block of all("[data-visit]")) {
      if (before.get(block.dataset.visit) !== face(block)) block.classList.add("pulse");
    }
    const { visit } = focused ? focused.dataset : {};
    const lost = focused && !board.contains(focused);
    settle(lost && (visitOf(visit) || $(`[data-was="${visit}"]`) || $("a", find(key) || board)));
  }

  settle();
  const watch = () => { if (!document.hidden) catchUp(); };
  const clock = setInterval(watch, 5000);
  document.addEventListener("visibilitychange", watch);
  addEventListener("online", catchUp);
  addEventListener("offline", offline);
})();

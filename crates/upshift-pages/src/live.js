// The live feed of the dashboard: shows decisions as they are made, and keeps the page up to date.
"use strict";
(() => {
  const MAX_ROWS = 50;
  const DRAW_INTERVAL = 500;
  // People who listen to the page would be interrupted all the time.
  const SPEAK_INTERVAL = 10_000;
  const REFRESH_INTERVAL = 60_000;
  const MIN_REFRESH_INTERVAL = 10_000;
  const MAX_WAIT = 60_000;

  const section = document.querySelector("section.live");
  const byId = (id) => document.getElementById(id);
  if (!section || !window.EventSource) return;
  const [content, numbers, button, state, leftOut, empty, table, rows] =
    ["live-content", "live-numbers", "live-pause", "live-state", "live-left-out", "live-empty", "live-table", "live-rows"].map(byId);
  const rule = section.dataset.rule;

  let source = null;
  let paused = false;
  let wait = 1_000;
  let retry = 0;
  let waiting = [];
  let notShown = 0;
  let spoken = -Infinity;
  let refreshed = performance.now();
  let rulesState = null;

  // ---- rows

  const cell = (row, text, className) => {
    const element = document.createElement(row.children.length ? "td" : "th");
    if (!row.children.length) element.scope = "row";
    element.textContent = text;
    if (className) element.className = className;
    row.append(element);
    return element;
  };

  const protocol = ({ http, tls }) =>
    `HTTP/${http}${tls === "none" ? ", cleartext" : tls === "unknown" ? "" : `, TLS ${tls === "some" ? "" : tls}`}`.trim();

  const rowOf = (decision) => {
    const row = document.createElement("tr");
    cell(row, decision.time.slice(11, 19));
    cell(row, decision.verdict, `verdict-${decision.verdict}`);
    const ruleCell = cell(row, decision.rule ? "" : "none");
    if (decision.rule) {
      const link = document.createElement("a");
      link.href = `/rules/${encodeURIComponent(decision.rule)}`;
      link.textContent = decision.rule;
      ruleCell.append(link, ` ${decision.phase}`);
    }
    const observed = decision.observed.map(({ kind, value }) => `${kind} ${value}`).join(", ");
    cell(row, [observed, decision.reason].filter(Boolean).join(": "));
    cell(row, decision.client);
    cell(row, protocol(decision));
    cell(row, `${decision.method} ${decision.path}`);
    cell(row, decision.caller ?? "");
    return row;
  };

  const draw = () => {
    if (!waiting.length || document.hidden) return;
    const shown = waiting.slice(-MAX_ROWS).reverse().map(rowOf);
    waiting = [];
    rows.prepend(...shown);
    while (rows.children.length > MAX_ROWS) rows.lastElementChild.remove();
    empty.hidden = true;
    table.hidden = false;
  };

  const showDecision = ({ data }) => {
    const decision = JSON.parse(data);
    if (rule !== undefined && decision.rule !== rule) return;
    waiting.push(decision);
    if (waiting.length > MAX_ROWS) waiting.shift();
  };

  const showLeftOut = ({ data }) => {
    notShown += JSON.parse(data).decisions;
    leftOut.textContent = `+${notShown.toLocaleString("en")} not shown`;
  };

  // ---- numbers

  const showSummary = ({ data }) => {
    const summary = JSON.parse(data);
    const now = performance.now();
    if (now - spoken >= SPEAK_INTERVAL) {
      spoken = now;
      numbers.textContent = numbersText(summary);
    }
    const isChanged = rulesState !== null && summary.state !== rulesState;
    const age = now - refreshed;
    if (age >= REFRESH_INTERVAL || (isChanged && age >= MIN_REFRESH_INTERVAL)) {
      rulesState = summary.state;
      refresh();
    } else if (!isChanged) {
      rulesState = summary.state;
    }
  };

  const numbersText = ({ requests, per_second: rates }) => {
    const names = { admit: "admitted", warn: "warned", refuse: "refused", exempt: "exempt" };
    const shown = rates ?? requests;
    const parts = Object.entries(names).map(([verdict, name]) => `${shown[verdict].toLocaleString("en")} ${name}`);
    return `${rates ? "Requests per second now" : "Requests since the start"}: ${parts.join(", ")}.`;
  };

  // ---- the rest of the page

  const refresh = async () => {
    refreshed = performance.now();
    try {
      const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!reply.ok || reply.redirected) return;
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("main");
      replaceParts(document.querySelector("main"), fresh);
    } catch {
      // The connection is shown as lost by the feed.
    }
  };

  // The parts of a page between those that the script fills itself.
  const runsOf = (main) => {
    const runs = [[]];
    for (const part of main.children) {
      if (part.hasAttribute("data-keep")) runs.push([]);
      else runs.at(-1).push(part);
    }
    return runs;
  };

  const replaceParts = (main, fresh) => {
    const kept = [...main.querySelectorAll(":scope > [data-keep]")];
    const next = runsOf(fresh);
    runsOf(main).forEach((run, index) => replaceRun(main, run, next[index] ?? [], kept[index] ?? null));
  };

  const replaceRun = (main, run, next, end) => {
    if (run.length === next.length) {
      run.forEach((part, index) => {
        if (!isInUse(part) && part.outerHTML !== next[index].outerHTML) part.replaceWith(copyOf(next[index], part));
      });
    } else if (!run.some(isInUse)) {
      run.forEach((part) => part.remove());
      next.forEach((part) => main.insertBefore(copyOf(part, null), end));
    }
  };

  // Somebody is in this part, or has filled in some of its fields.
  const isInUse = (part) =>
    part.contains(document.activeElement)
    || [...part.querySelectorAll("input")].some((field) => field.value !== field.defaultValue)
    || [...part.querySelectorAll("option")].some((option) => option.selected !== option.defaultSelected);

  const copyOf = (part, present) => {
    const copy = document.importNode(part, true);
    const open = [...(present?.querySelectorAll("details") ?? [])].map((details) => details.open);
    copy.querySelectorAll("details").forEach((details, at) => { details.open = open[at] ?? false; });
    return copy;
  };

  // ---- the connection

  const connect = () => {
    disconnect();
    source = new EventSource("/events");
    source.onopen = () => {
      wait = 1_000;
      state.textContent = "Running";
    };
    source.addEventListener("decision", showDecision);
    source.addEventListener("left-out", showLeftOut);
    source.addEventListener("summary", showSummary);
    source.onerror = () => {
      disconnect();
      state.textContent = "Not connected: trying again. If this stays, reload the page";
      retry = setTimeout(connect, wait);
      wait = Math.min(wait * 2, MAX_WAIT);
    };
  };

  const disconnect = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };

  const update = () => {
    button.textContent = paused ? "Run" : "Pause";
    if (paused) {
      draw();
      disconnect();
      state.textContent = "Paused";
    } else if (document.hidden) {
      // A browser has few connections to one host, and other pages need them.
      disconnect();
    } else if (!source) {
      state.textContent = "Connecting…";
      connect();
    }
  };

  button.addEventListener("click", () => {
    paused = !paused;
    update();
  });
  document.addEventListener("visibilitychange", update);
  setInterval(draw, DRAW_INTERVAL);
  content.hidden = false;
  update();
})();

// Shows what rum.js measures, by the events it sends to every page (docs/rum.md); measures nothing itself.
(() => {
  "use strict";

  const WHY = {
    current: ["serves you now", "DNS sends your network here."],
    best: ["predicted best", "Nothing else is predicted to be nearer."],
    drawn: ["explored", "Drawn by nearness, and by what is not known yet."],
  };
  const NONE = {
    gpc: "Your browser asks for privacy (Global Privacy Control): nothing is measured.",
    server: "There is nothing to measure now: your network has done its share, or no POP takes part.",
    fault: "The server did not answer. Please try again in a moment.",
  };
  const BAND_MS = 5; // POPs this close to each other count as equal, as in DNS
  const TIE_MS = 0.1;

  const one = (selector, within = document) => within.querySelector(selector);
  const again = one("#again");
  const rows = new Map(); // POP -> its row
  const values = new Map(); // POP -> metric -> value

  const say = (text, look) => {
    one("#status").textContent = text;
    one("#dot").className = `dot ${look}`;
    again.disabled = look === "busy";
  };
  const ms = (value) => (value < 100 ? value.toFixed(1) : value.toFixed(0));
  const rate = (kbps) => (kbps < 1000 ? `${kbps.toFixed(0)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`);
  const facts = { connect_ms: (value) => `${ms(value)} ms`, throughput_kbps: rate };

  const plan = ({ probes }) => {
    rows.clear();
    values.clear();
    one("#pops").replaceChildren(
      ...probes.map(({ pop, why }) => {
        const row = one("#pop").content.cloneNode(true).firstElementChild;
        const [label, reason] = WHY[why] ?? ["", ""];
        row.dataset.why = why ?? "";
        one("h2", row).textContent = pop;
        one(".why", row).textContent = label;
        one(".reason", row).textContent = reason;
        rows.set(pop, row);
        return row;
      }),
    );
  };

  const probe = ({ pop }) => {
    rows.get(pop).dataset.state = "probing";
    say(`Measuring ${pop} …`, "busy");
  };

  const result = ({ pop, items }) => {
    const row = rows.get(pop);
    const found = Object.fromEntries(items.map(({ metric, value }) => [metric, value]));
    values.set(pop, found);
    one(".coarse", row).hidden = !items.some(({ coarse }) => coarse);
    row.dataset.state = found.availability === 1 ? "measured" : "failed";
    if (found.availability !== 1) {
      one(".number", row).textContent = items.length ? "not reached" : "not measured";
      return;
    }
    for (const [metric, text] of Object.entries(facts)) {
      if (!(metric in found)) continue;
      const fact = one(`[data-metric=${metric}]`, row);
      one("dd", fact).textContent = text(found[metric]);
      fact.hidden = false;
    }
    if ("rtt_ms" in found) {
      one(".number", row).textContent = ms(found.rtt_ms);
      one(".unit", row).textContent = "ms";
    }
    compare();
  };

  // Nearest first; a tie is for the POP that serves.
  const measured = () => {
    const rank = ([pop, found]) => found.rtt_ms - (rows.get(pop).dataset.why === "current" ? TIE_MS : 0);
    return [...values].filter(([, found]) => "rtt_ms" in found).sort((a, b) => rank(a) - rank(b));
  };

  const compare = () => {
    const ranked = measured();
    const most = Math.max(...ranked.map(([, found]) => found.rtt_ms));
    for (const [pop, { rtt_ms: value }] of ranked) {
      const row = rows.get(pop);
      row.toggleAttribute("data-nearest", ranked.length > 1 && pop === ranked[0][0]);
      one(".bar div", row).style.width = `${Math.max(2, (100 * value) / most)}%`;
    }
  };

  const verdict = () => {
    const [nearest] = measured();
    if (!nearest) return "No POP was measured.";
    const current = [...rows].find(([, row]) => row.dataset.why === "current")?.[0];
    const [pop, { rtt_ms: best }] = nearest;
    const served = values.get(current)?.rtt_ms;
    if (pop === current) return `${pop} serves you, and none of these is nearer.`;
    if (served === undefined) return `The nearest of these is ${pop}.`;
    const gain = served - best;
    return gain <= Math.max(BAND_MS, served / 10)
      ? `${current} serves you; ${pop} is ${ms(gain)} ms nearer, too little to move for.`
      : `${pop} is ${ms(gain)} ms nearer than ${current}, which serves you now.`;
  };

  const end = () => {
    for (const row of rows.values()) {
      if (values.has(one("h2", row).textContent)) continue;
      row.dataset.state = "left"; // hidden meanwhile, or a POP without HTTPS on a page that has it
      one(".number", row).textContent = "not measured";
    }
    say(verdict(), "done");
  };

  const none = ({ why }) => say(NONE[why], "");

  const steps = { plan, probe, result, end, none };
  addEventListener("itm-rum", ({ detail }) => steps[detail.step]?.(detail));

  // The script's own tag, as on any page; without the gap, for whoever came here wants to see it.
  const run = () => {
    say("Waiting two seconds, so that the page is quiet …", "busy");
    const script = document.createElement("script");
    const service = new URLSearchParams(location.search).get("service");
    script.dataset.gapMinutes = 0;
    if (service) script.dataset.service = service;
    script.src = "rum.js";
    script.addEventListener("error", () => none({ why: "fault" }));
    document.head.append(script);
  };

  again.addEventListener("click", run);
  run();
})();

// Measures from this page how far and how reachable the POPs are, for the collector that served this file.
// What is measured, sent and kept, the attributes of the tag and the events: docs/rum.md.
(() => {
  "use strict";

  const tag = document.currentScript;
  const SETTLE_MS = 2000; // after load, the page's own fetches are mostly over
  const TIMEOUT_MS = 4000;
  const LATE_MS = 500; // a timing entry follows its response at once, or never
  const [LEAST, MOST] = [0.1, 1e6]; // ms or kbit/s; the collector refuses what lies outside
  const KEPT = "itm-rum-minute"; // in localStorage: when the last session began, nothing else

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const event = (target, name) =>
    new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
  const number = (name, otherwise) => Number(tag.dataset[name] ?? otherwise);
  const tell = (step, detail) => dispatchEvent(new CustomEvent("itm-rum", { detail: { step, ...detail } }));

  let hides = 0; // how often the page was hidden: timers of a hidden page say nothing
  let measured = []; // not sent yet
  const refused = []; // what the page's own policy kept from being fetched
  const waiting = new Map(); // URL -> who waits for its timing

  const watch = () => {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) return;
      hides += 1;
      send(); // a hidden page may never run again
    });
    document.addEventListener("securitypolicyviolation", ({ blockedURI }) => refused.push(blockedURI));
    // An observer hears of every fetch, also when the page's buffer of entries is full.
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) waiting.get(entry.name)?.(entry);
    });
    observer.observe({ type: "resource" });
    return observer;
  };

  const quiet = async () => {
    if (document.readyState !== "complete") await event(window, "load");
    await pause(SETTLE_MS);
    while (document.hidden) await event(document, "visibilitychange");
  };

  // Why there is no session on this page; empty: there is one, and its time is kept.
  const objection = () => {
    if (navigator.globalPrivacyControl) return "gpc";
    const share = number("sample", 1);
    const gap = number("gapMinutes", 10);
    if (!(share >= 0 && gap >= 0)) return "attribute";
    if (Math.random() >= share) return "sample";
    if (gap === 0) return "";
    const now = Math.floor(Date.now() / 60000);
    try {
      const since = now - (localStorage.getItem(KEPT) ?? -Infinity);
      if (since >= 0 && since < gap) return "gap"; // below zero: the clock was put back
      localStorage.setItem(KEPT, now);
    } catch {
      return "storage"; // no gap can be kept
    }
    return "";
  };

  const options = (limit) => ({
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(limit),
  });

  const ask = async () => {
    const service = tag.dataset.service;
    const body = service ? JSON.stringify({ service }) : "";
    const answer = await fetch(new URL("session", tag.src), { ...options(TIMEOUT_MS), method: "POST", body });
    return answer.status === 200 ? answer.json() : null;
  };

  // Fetch an object past every cache. Phases that are zero are unknown: no Timing-Allow-Origin.
  const load = async (address, limit) => {
    const url = new URL(address);
    url.searchParams.set("r", Math.random().toString(36).slice(2));
    const entry = new Promise((resolve) => waiting.set(url.href, resolve));
    const began = performance.now();
    const answer = await fetch(url, options(limit));
    const first = performance.now();
    if (!answer.ok) throw new Error(answer.status);
    const bytes = (await answer.arrayBuffer()).byteLength;
    const ended = performance.now();
    const phases = await Promise.race([entry, pause(LATE_MS)]);
    waiting.delete(url.href);
    return phases?.requestStart > 0 && phases.responseStart > phases.requestStart
      ? {
          coarse: false,
          connect: phases.connectEnd - phases.connectStart,
          wait: phases.responseStart - phases.requestStart,
          whole: phases.responseEnd - phases.requestStart,
          bytes,
        }
      : { coarse: true, connect: 0, wait: first - began, whole: ended - began, bytes };
  };

  // One POP's items: all, one failure, or none when it was not the POP's doing.
  const probe = async ({ pop, url, large_url: large, token }, limit) => {
    const items = [];
    const add = (metric, value, coarse) => {
      const item = { pop, metric, value: Math.round(value * 100) / 100, token };
      items.push(coarse ? { ...item, coarse } : item);
    };
    const addKnown = (metric, value, coarse) => value >= LEAST && add(metric, Math.min(value, MOST), coarse);
    try {
      const cold = await load(url, limit);
      const warm = [await load(url, limit), await load(url, limit)];
      const best = warm.sort((a, b) => a.coarse - b.coarse || a.wait - b.wait)[0];
      add("availability", 1);
      addKnown("connect_ms", cold.connect);
      addKnown("rtt_ms", best.wait, best.coarse);
    } catch {
      await pause(50); // a violation of the page's policy is told after the failure
      const isRefused = refused.some((uri) => uri.startsWith(new URL(url).origin));
      if (navigator.onLine && !isRefused) add("availability", 0);
      return items;
    }
    if (large && !navigator.connection?.saveData) {
      // A slow line is no failure of the POP's: without the large object there is no throughput, no more.
      const { bytes, whole, coarse } = await load(large, limit).catch(() => ({ bytes: 0, whole: 1 }));
      addKnown("throughput_kbps", (8 * bytes) / whole, coarse);
    }
    return items;
  };

  const send = () => {
    if (!measured.length) return;
    const body = JSON.stringify({ measurements: measured });
    const url = new URL("beacon", tag.src);
    const count = measured.length;
    measured = [];
    if (!navigator.sendBeacon?.(url, body)) {
      fetch(url, { method: "POST", body, keepalive: true, credentials: "omit" }).catch(() => {});
    }
    tell("sent", { count });
  };

  const measure = async ({ probes, resolver, timeout_ms: limit = TIMEOUT_MS }) => {
    tell("plan", { probes: probes.map(({ pop, why }) => ({ pop, why })) });
    // For its DNS lookup only. (Without CORS a fetch may not refuse redirects.)
    if (resolver) fetch(resolver, { ...options(limit), mode: "no-cors", redirect: "follow" }).catch(() => {});
    // In random order: none is always the first, while the page still works, or the last, before its
    // reader leaves.
    const order = probes.map((each) => [Math.random(), each]).sort(([a], [b]) => a - b);
    for (const [, each] of order) {
      if (location.protocol === "https:" && each.url.startsWith("http:")) continue; // mixed content
      const before = hides;
      tell("probe", { pop: each.pop });
      const items = await probe(each, limit);
      if (document.hidden || hides !== before) break;
      measured.push(...items);
      tell("result", { pop: each.pop, items: items.map(({ token, ...item }) => item) });
    }
    send();
  };

  const run = async () => {
    await quiet();
    const why = objection();
    if (why) {
      tell("none", { why });
      return;
    }
    const observer = watch();
    try {
      const plan = await ask();
      if (plan) await measure(plan);
      tell(...(plan ? ["end"] : ["none", { why: "server" }]));
    } finally {
      observer.disconnect();
    }
  };

  if (tag?.src) run().catch(() => tell("none", { why: "fault" })); // a page is never disturbed
})();

"use strict";
// A listening test: pages in a random order, answers kept in the browser, one file of results.
// TEST is what `dasp listen build` wrote: ids of sounds, and no name of what made them.

const STEP = 0.02;
const stage = document.getElementById("stage");
let context = null;
let player = null;
let tick = null;

// --- What is remembered -----------------------------------------------------------------------

const key = `listening-test-${TEST.id}`;
let session = load() ?? {
  test: TEST.id,
  kind: TEST.kind,
  participant: crypto.getRandomValues(new Uint32Array(2)).reduce((t, n) => t + n.toString(36), ""),
  seed: crypto.getRandomValues(new Uint32Array(1))[0],
  started: new Date().toISOString(),
  finished: null,
  page: 0,
  answers: {},
  seconds: {},
  comment: "",
};

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(key));
    return kept && kept.test === TEST.id ? kept : null;
  } catch {
    return null;
  }
}

function save() {
  try {
    localStorage.setItem(key, JSON.stringify(session));
  } catch {
    // A private window may refuse: the test goes on, and is lost by a reload.
  }
}

// --- The order, the same again after a reload --------------------------------------------------

// Every trial: a page of the test with its sounds in the order and under the letters of this person.
function trials() {
  const random = randomFrom(session.seed);
  return shuffled(TEST.pages, random).map((page) => {
    const order = shuffled(page.stimuli, random);
    const trial = { ...page, order, names: Object.fromEntries(order.map((id, i) => [id, letter(i)])) };
    if (TEST.kind === "abx") {
      trial.x = page.stimuli[random() < 0.5 ? 0 : 1];
    }
    return trial;
  });
}

const letter = (i) => String.fromCharCode(65 + i);
const all = trials();

// --- Screens ------------------------------------------------------------------------------------

function show(...children) {
  stage.replaceChildren(...children);
}

function welcome() {
  const begun = Object.keys(session.answers).length > 0;
  show(
    element("h1", {}, TEST.title),
    ...TEST.instructions.split("\n").map((line) => element("p", {}, line)),
    element("p", {}, HELP[TEST.kind]),
    element("p", { class: "quiet" },
      `${all.length} pages. Your answers stay in this browser until you send or download them. `
      + "Use headphones or good loudspeakers, at a comfortable level that you then keep."),
    element("div", { class: "row" },
      element("button", { class: "main", id: "begin", onclick: begin },
        begun ? `Go on with page ${session.page + 1}` : "Begin"),
      ...(begun ? [element("button", { id: "again", onclick: startAgain }, "Start again")] : [])),
  );
  document.getElementById("begin").focus();
}

const HELP = {
  ape: "Place the letters on the axis: further right is better. Press a letter to hear it.",
  mushra: "Rate how near each sound comes to the reference, from 0 to 100.",
  ab: "Of each pair, choose the one that you prefer.",
  abx: "X is the same as A or as B. Find out which.",
};

function startAgain() {
  if (!confirm("Delete the answers that are kept here?")) return;
  localStorage.removeItem(key);
  location.reload();
}

async function begin() {
  // The rate of the files, where the browser can: they are then played as they are.
  context ??= new AudioContext({ sampleRate: TEST.sample_rate });
  context.resume();
  if (session.page >= all.length) finish();
  else await openPage();
}

async function openPage() {
  const trial = all[session.page];
  const progress = element("progress", { max: 1, value: 0 });
  show(element("p", {}, "Loading the sounds…"), progress);
  const ids = new Set([...trial.stimuli, ...trial.dry.map((stem) => stem.id)]);
  if (trial.reference) ids.add(trial.reference);
  const buffers = new Map();
  try {
    for (const id of ids) {
      buffers.set(id, await decodeSound(context, id));
      progress.value = buffers.size / ids.size;
    }
  } catch (error) {
    show(element("p", { class: "warn", role: "alert" }, `${error.message}.`),
      element("button", { onclick: openPage }, "Try again"));
    return;
  }
  player?.close();
  player = new Player(context, buffers);
  session.answers[trial.id] ??= {};
  drawPage(trial);
}

function drawPage(trial) {
  const answers = session.answers[trial.id];
  const opened = performance.now();
  const heard = new Set();
  let current = null;

  const choose = (id, gains = { [id]: 1 }) => {
    current = id;
    heard.add(id);
    player.hear(gains);
    player.play();
    for (const button of stage.querySelectorAll("[data-sound]")) {
      button.setAttribute("aria-pressed", String(button.dataset.sound === id));
    }
    transport.textContent = "Pause";
    check();
  };

  const soundButton = (id, label, gains) =>
    element("button", { "data-sound": id, "aria-pressed": "false", onclick: () => choose(id, gains) }, label);

  const transport = element("button", { id: "transport", onclick: toggle }, "Play");
  function toggle() {
    if (player.playing) {
      player.pause();
      transport.textContent = "Play";
    } else if (current === null) {
      choose(trial.order[0]);
    } else {
      player.play();
      transport.textContent = "Pause";
    }
  }

  const note = element("p", { class: "quiet", role: "status" });
  const next = element("button", { class: "main", id: "next", onclick: leave },
    session.page + 1 < all.length ? "Next page" : "Finish");
  const parts = QUESTIONS[TEST.kind](trial, answers, { soundButton, choose, changed });

  function changed() {
    save();
    check();
  }

  function check() {
    const unheard = [...trial.order, ...(trial.x ? ["x"] : [])].filter((id) => !heard.has(id));
    const missing = parts.missing();
    next.disabled = unheard.length > 0 || missing > 0;
    note.textContent = unheard.length > 0 ? `Not heard yet: ${unheard.map((id) => trial.names[id] ?? "X").join(", ")}.`
      : missing > 0 ? `Still to answer: ${missing}.` : "";
  }

  function leave() {
    session.seconds[trial.id] = (session.seconds[trial.id] ?? 0) + (performance.now() - opened) / 1000;
    session.page += 1;
    save();
    player.close();
    clearInterval(tick);
    if (session.page < all.length) openPage();
    else finish();
  }

  const dry = trial.dry.length === 0 ? [] : [
    element("h2", {}, "Dry stems"),
    element("div", { class: "row" },
      soundButton("dry", "All together", Object.fromEntries(trial.dry.map((stem) => [stem.id, 1]))),
      ...trial.dry.map((stem) => soundButton(stem.id, stem.label))),
  ];

  show(
    element("h1", {}, TEST.title),
    element("p", { class: "quiet" }, `Page ${session.page + 1} of ${all.length}`),
    element("progress", { max: all.length, value: session.page, "aria-label": "Pages done" }),
    element("div", { class: "row" }, transport,
      ...(trial.reference ? [soundButton(trial.reference, "Reference")] : [])),
    timeline(),
    ...parts.elements,
    ...dry,
    note,
    element("div", { class: "row" }, next,
      element("button", { onclick: () => downloadResults("json"), id: "partial" }, "Download so far")),
    element("p", { class: "quiet" }, element("kbd", {}, "A"), " … hear, ", element("kbd", {}, "space"),
      " play or pause, ", element("kbd", {}, "←"), " ", element("kbd", {}, "→"), " move what is chosen, ",
      element("kbd", {}, "Enter"), " next page"),
  );

  document.onkeydown = (event) => {
    if (event.target.matches("input[type=text], textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = event.key.length === 1 ? event.key.toUpperCase().charCodeAt(0) - 65 : -1;
    if (event.key === " ") { toggle(); event.preventDefault(); }
    else if (event.key === "0" && trial.reference) choose(trial.reference);
    else if (index >= 0 && index < trial.order.length) {
      choose(trial.order[index]);
      parts.focus(trial.order[index]);
    } else if (event.key === "Enter" && !event.target.matches("button:not(#next, .marker)")) {
      event.preventDefault();
      if (!next.disabled) leave();
    } else if (parts.key?.(event, current)) event.preventDefault();
  };
  check();
}

// The place in the sound, and the part that is looped.
function timeline() {
  const seconds = (value) => `${Math.floor(value / 60)}:${String(Math.floor(value % 60)).padStart(2, "0")}`;
  const range = (id, label, value) =>
    element("label", { class: "quiet" }, label, element("input", {
      type: "range", id, min: 0, max: player.duration, step: 0.01, value, "aria-label": label,
    }));
  const place = range("place", "Place", 0);
  const from = range("from", "Loop from", 0);
  const to = range("to", "Loop to", player.duration);
  const clock = element("output", {}, seconds(0));
  const input = (label) => label.querySelector("input");
  input(place).oninput = (event) => player.seek(Number(event.target.value));
  const set = () => {
    const [a, b] = [Number(input(from).value), Number(input(to).value)];
    if (b - a >= 0.2) player.loop(a, b);
  };
  input(from).oninput = input(to).oninput = set;
  clearInterval(tick);
  tick = setInterval(() => {
    input(place).value = player.position;
    clock.textContent = `${seconds(player.position)} of ${seconds(player.duration)}`;
  }, 100);
  return element("div", { class: "timeline" }, place, clock,
    element("details", {}, element("summary", {}, "Loop a part"), from, to));
}

// --- Questions: one kind of test each ------------------------------------------------------------

const QUESTIONS = { ape, mushra, ab, abx };

function ape(trial, answers, { choose, changed }) {
  const markers = new Map();
  const elements = TEST.criteria.map((criterion) => {
    answers[criterion] ??= {};
    const axis = element("div", { class: "axis", role: "group", "aria-label": criterion },
      element("span", { class: "end low" }, "worse"), element("span", { class: "end high" }, "better"));
    trial.order.forEach((id, i) => {
      const at = answers[criterion][id];
      const marker = element("button", {
        class: "marker", role: "slider", "data-sound": id, "aria-pressed": "false",
        "aria-label": `${trial.names[id]}, ${criterion}`, "aria-valuemin": 0, "aria-valuemax": 100,
        onclick: () => choose(id),
      }, trial.names[id]);
      const level = i % 3;
      marker.style.bottom = `${level * 2.5}rem`;
      marker.style.setProperty("--stem", `${level * 2.5}rem`);
      const put = (value, told = true) => {
        const clamped = Math.min(1, Math.max(0, value));
        marker.style.left = `${100 * clamped}%`;
        marker.setAttribute("aria-valuenow", Math.round(100 * clamped));
        if (told) {
          answers[criterion][id] = Math.round(1000 * clamped) / 1000;
          marker.classList.remove("unset");
          changed();
        }
      };
      marker.classList.toggle("unset", at === undefined);
      put(at ?? (i + 1) / (trial.order.length + 1), false);
      marker.onpointerdown = (event) => {
        marker.setPointerCapture(event.pointerId);
        marker.onpointermove = (move) => {
          const box = axis.getBoundingClientRect();
          put((move.clientX - box.left) / box.width);
        };
        marker.onpointerup = () => { marker.onpointermove = null; };
      };
      markers.set(`${criterion} ${id}`, { marker, put });
      axis.append(marker);
    });
    return element("section", {}, element("h2", {}, criterion), axis);
  });
  return {
    elements,
    missing: () => TEST.criteria.flatMap((c) => trial.order.filter((id) => answers[c][id] === undefined)).length,
    focus: (id) => {
      const own = document.activeElement.closest?.(".axis")?.getAttribute("aria-label");
      markers.get(`${own ?? TEST.criteria[0]} ${id}`).marker.focus();
    },
    key: (event) => {
      const step = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP }[event.key];
      const own = [...markers.values()].find(({ marker }) => marker === document.activeElement);
      if (!step || !own) return false;
      own.put(Number(own.marker.getAttribute("aria-valuenow")) / 100 + step);
      return true;
    },
  };
}

function mushra(trial, answers, { soundButton, changed }) {
  const words = ["bad", "poor", "fair", "good", "excellent"];
  const inputs = new Map();
  const elements = TEST.criteria.map((criterion) => {
    answers[criterion] ??= {};
    const rows = trial.order.map((id) => {
      const at = answers[criterion][id];
      const output = element("output", {}, at === undefined ? "–" : String(Math.round(100 * at)));
      const input = element("input", {
        type: "range", min: 0, max: 100, step: 1, value: at === undefined ? 50 : 100 * at,
        "aria-label": `${trial.names[id]}, ${criterion}`,
      });
      input.oninput = () => {
        output.textContent = input.value;
        answers[criterion][id] = Number(input.value) / 100;
        changed();
      };
      inputs.set(`${criterion} ${id}`, input);
      return element("div", { class: "slider" }, soundButton(id, trial.names[id]), input, output);
    });
    return element("section", {}, element("h2", {}, criterion),
      element("div", { class: "scale quiet" }, ...words.map((word) => element("span", {}, word))),
      element("div", { class: "sliders" }, ...rows));
  });
  return {
    elements,
    missing: () => TEST.criteria.flatMap((c) => trial.order.filter((id) => answers[c][id] === undefined)).length,
    focus: (id) => inputs.get(`${TEST.criteria[0]} ${id}`).focus(),
  };
}

function choices(legend, values, labels, at, take) {
  const buttons = values.map((value, i) => element("button", {
    "data-choice": value, "aria-pressed": String(at === value),
    onclick: () => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.choice === value));
      take(value);
    },
  }, labels[i]));
  return element("section", {}, element("h2", {}, legend), element("div", { class: "row" }, ...buttons));
}

function ab(trial, answers, { soundButton, changed }) {
  const [a, b] = trial.order;
  const sections = TEST.criteria.map((criterion) =>
    choices(criterion, [a, "none", b], ["A is better", "No preference", "B is better"],
      answers[criterion]?.choice, (choice) => { answers[criterion] = { choice, pair: trial.order }; changed(); }));
  return {
    elements: [element("div", { class: "row" }, soundButton(a, "A"), soundButton(b, "B")), ...sections],
    missing: () => TEST.criteria.filter((criterion) => answers[criterion] === undefined).length,
    focus: () => {},
    key: (event) => press(event, sections[0], { ArrowLeft: 0, ArrowDown: 1, ArrowRight: 2 }),
  };
}

function abx(trial, answers, { soundButton, changed }) {
  const [a, b] = trial.order;
  const section = choices("X is", [a, b], ["A", "B"], answers.answer,
    (value) => { answers.answer = value; answers.x = trial.x; changed(); });
  const x = soundButton("x", "X", { [trial.x]: 1 });
  return {
    elements: [element("div", { class: "row" }, soundButton(a, "A"), soundButton(b, "B"), x), section],
    missing: () => (answers.answer === undefined ? 1 : 0),
    focus: () => {},
    key: (event) => {
      if (event.key.toUpperCase() === "X") { x.click(); return true; }
      return press(event, section, { ArrowLeft: 0, ArrowRight: 1 });
    },
  };
}

function press(event, section, places) {
  const place = places[event.key];
  if (place === undefined) return false;
  section.querySelectorAll("button")[place].click();
  return true;
}

// --- Results --------------------------------------------------------------------------------------

// One row for each rating; of a pair, what was chosen.
function rows() {
  return all.flatMap((trial) => {
    const given = session.answers[trial.id] ?? {};
    const row = (criterion, stimulus, rating) => ({ page: trial.id, criterion, stimulus, rating });
    if (TEST.kind === "abx") return given.answer ? [row("abx", given.x, Number(given.answer === given.x))] : [];
    return Object.entries(given).flatMap(([criterion, own]) =>
      TEST.kind === "ab" ? [row(criterion, own.choice, "")]
        : Object.entries(own).map(([id, rating]) => row(criterion, id, rating)));
  });
}

function csv() {
  const cell = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const lines = rows().map((row) =>
    [session.participant, row.page, row.criterion, row.stimulus, row.rating].map(cell).join(","));
  return ["participant,page,criterion,mix,rating", ...lines].join("\n") + "\n";
}

function downloadResults(kind) {
  const name = `listening-${session.participant}`;
  if (kind === "csv") download(`${name}.csv`, csv(), "text/csv");
  else download(`${name}.json`, JSON.stringify(session, null, 1), "application/json");
}

function finish() {
  session.finished ??= new Date().toISOString();
  save();
  document.onkeydown = null;
  const comment = element("textarea", { rows: 3, cols: 50, maxlength: 2000, id: "comment" }, session.comment);
  comment.oninput = () => { session.comment = comment.value; save(); };
  const told = element("p", { role: "status" });
  const send = element("button", {
    class: "main", id: "send",
    onclick: async () => {
      try {
        const answer = await fetch("results", { method: "POST", body: JSON.stringify(session) });
        if (!answer.ok) throw new Error(await answer.text());
        told.textContent = "Your answers have arrived. Thank you.";
        send.disabled = true;
      } catch (error) {
        told.textContent = `They could not be sent (${error.message}): please download them.`;
      }
    },
  }, "Send");
  const collected = TEST.collected && location.protocol.startsWith("http");
  show(
    element("h1", {}, "Thank you"),
    element("p", {}, collected ? "Send your answers, or download them." : "Download your answers, and give the file to whoever asked you."),
    element("label", {}, "Anything to add?", element("br"), comment),
    element("div", { class: "row" }, ...(collected ? [send] : []),
      element("button", { id: "json", class: collected ? "" : "main", onclick: () => downloadResults("json") }, "Download JSON"),
      element("button", { id: "csv", onclick: () => downloadResults("csv") }, "Download CSV"),
      element("button", { id: "again", onclick: startAgain }, "Start again")),
    told,
  );
}

welcome();

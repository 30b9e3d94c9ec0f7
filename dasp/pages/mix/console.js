"use strict";
// A console for a mix: sounds of its tracks, through faders and pans, into groups, buses and the sum.
// MIX is what `dasp export --to web` wrote. One function builds the graph, for the loudspeakers and for
// a rendering without them.

const LOWEST_DB = -60;
const HIGHEST_DB = 12;
const stage = document.getElementById("stage");
const dbToGain = (db) => (db <= LOWEST_DB ? 0 : 10 ** (db / 20));

// --- The state: what a hand may move, for each variant ------------------------------------------

const hand = (channel) => ({ gain_db: channel.gain_db, pan: channel.pan, mute: channel.mute, solo: channel.solo });
const started = () => MIX.variants.map((variant) =>
  Object.fromEntries(["tracks", "groups", "buses"].map((kind) => [kind, variant[kind].map(hand)])));
let state = started();
let current = 0;

// Who is heard, as in dasp.mixing.audible: a mute wins; a solo of a track or its group leaves the rest.
function audible(variant, hands) {
  const parts = [...hands.tracks, ...hands.groups, ...hands.buses];
  const soloed = parts.some((part) => part.solo);
  const group = (track) => variant.groups.findIndex((one) => one.name === track.group);
  return variant.tracks.map((track, i) => {
    const own = group(track);
    const muted = hands.tracks[i].mute || (own >= 0 && hands.groups[own].mute);
    const heard = !muted && (!soloed || hands.tracks[i].solo || (own >= 0 && hands.groups[own].solo));
    return { heard, buses: hands.buses.map((bus) => !muted && !bus.mute && (heard || bus.solo)) };
  });
}

// The gains of both sides: the law of dasp's stereo_panner.
function sides(channel, own, stereo) {
  const gain = dbToGain(own.gain_db);
  const side = (at) => Math.max(0, Math.sin((at + 1) * Math.PI / 4)) ** (channel.law_db / -3);
  if (!stereo && (channel.panner >= 0 || own.pan !== 0)) return [gain * side(-own.pan), gain * side(own.pan)];
  const fade = (at) => side(-Math.max(0, at)) / side(0);
  return [gain * fade(own.pan), gain * fade(-own.pan)];
}

// --- The graph -----------------------------------------------------------------------------------

// Two gains, one a side; a mono input goes to both.
function placer(context) {
  const input = context.createGain();
  input.channelCount = 2;
  input.channelCountMode = "explicit";
  const splitter = context.createChannelSplitter(2);
  const merger = context.createChannelMerger(2);
  const gains = [context.createGain(), context.createGain()];
  input.connect(splitter);
  gains.forEach((gain, i) => { splitter.connect(gain, i); gain.connect(merger, 0, i); });
  return { input, output: merger, gains };
}

function build(context, variant, buffers, output) {
  const sources = [];
  const source = (sound) => {
    const node = context.createBufferSource();
    node.buffer = buffers.get(sound.id);
    const scale = context.createGain();
    scale.gain.value = sound.scale;
    node.connect(scale);
    sources.push(node);
    return scale;
  };
  const through = (nodes, input) => nodes.reduce((signal, node) => {
    if (node.kind === "response") {
      const convolver = context.createConvolver();
      convolver.normalize = false;
      convolver.buffer = buffers.get(node.id);
      const scale = context.createGain();
      scale.gain.value = node.scale;
      signal.connect(convolver).connect(scale);
      return scale;
    }
    // A gain along time: one sound moves the gain of the other, sample by sample.
    const sidesOf = placer(context);
    const curve = source(node);
    sidesOf.gains.forEach((gain, i) => {
      gain.gain.value = 0;
      if (node.channels === 1) curve.connect(gain.gain);
      else {
        const splitter = context.createChannelSplitter(2);
        curve.connect(splitter);
        splitter.connect(gain.gain, i);
      }
    });
    signal.connect(sidesOf.input);
    return sidesOf.output;
  }, input);

  const sum = context.createGain();
  const places = { tracks: [], groups: [], buses: [] };
  for (const kind of ["groups", "buses"]) {
    for (const channel of variant[kind]) {
      const input = context.createGain();
      const place = placer(context);
      through(channel.nodes, input).connect(place.input);
      place.output.connect(sum);
      places[kind].push({ ...place, entry: input });
    }
  }
  variant.tracks.forEach((track) => {
    const place = placer(context);
    source(track.sound).connect(place.input);
    const direct = context.createGain();
    place.output.connect(direct);
    const group = variant.groups.findIndex((one) => one.name === track.group);
    direct.connect(group >= 0 ? places.groups[group].entry : sum);
    const sends = variant.buses.map((bus, i) => {
      const send = context.createGain();
      if (track.sends[bus.name] !== undefined) {
        place.output.connect(send);
        send.connect(places.buses[i].entry);
      }
      return send;
    });
    places.tracks.push({ ...place, direct, sends });
  });
  const master = through(variant.master, sum);
  master.connect(output);
  if (variant.rest) source(variant.rest).connect(output);

  const set = (hands, at = null) => {
    const put = (parameter, value) => (at === null ? (parameter.value = value) : parameter.setTargetAtTime(value, at, 0.01));
    const heard = audible(variant, hands);
    variant.tracks.forEach((track, i) => {
      const place = places.tracks[i];
      const [left, right] = sides(track, hands.tracks[i], track.sound.channels === 2);
      put(place.gains[0].gain, left);
      put(place.gains[1].gain, right);
      put(place.direct.gain, heard[i].heard ? 1 : 0);
      variant.buses.forEach((bus, j) => put(place.sends[j].gain, heard[i].buses[j] ? track.sends[bus.name] ?? 0 : 0));
    });
    for (const kind of ["groups", "buses"]) {
      variant[kind].forEach((channel, i) => {
        const [left, right] = sides(channel, hands[kind][i], true);
        const sounds = hands[kind][i].mute ? 0 : 1;
        put(places[kind][i].gains[0].gain, sounds * left);
        put(places[kind][i].gains[1].gain, sounds * right);
      });
    }
  };
  return { sources, set, places };
}

// The mix as a sound, without loudspeakers: what tests compare, and what may be saved.
async function renderOffline(index = current) {
  const variant = MIX.variants[index];
  const buffers = await loadAll();
  const length = Math.max(...variant.tracks.map((track) => buffers.get(track.sound.id).length));
  const context = new OfflineAudioContext(2, length, MIX.sample_rate);
  const graph = build(context, variant, buffers, context.destination);
  graph.set(state[index]);
  for (const source of graph.sources) source.start(0);
  const rendered = await context.startRendering();
  return [rendered.getChannelData(0), rendered.getChannelData(1)];
}

// --- Sounds ----------------------------------------------------------------------------------------

let loading = null;
function loadAll(told = () => {}) {
  loading ??= (async () => {
    const decoder = new OfflineAudioContext(2, 1, MIX.sample_rate);
    const sounds = MIX.variants.flatMap((variant) => [
      ...variant.tracks.map((track) => track.sound),
      ...[...variant.groups, ...variant.buses].flatMap((channel) => channel.nodes),
      ...variant.master, ...(variant.rest ? [variant.rest] : [])]);
    const buffers = new Map();
    for (const sound of sounds) {
      buffers.set(sound.id, await decodeSound(decoder, sound.id));
      told(buffers.size / sounds.length);
    }
    return buffers;
  })();
  return loading;
}

// --- Playing ---------------------------------------------------------------------------------------

let context = null;
let meters = [];
const desk = { graphs: [], outputs: [], offset: 0, started: null };

async function play() {
  context ??= new AudioContext({ sampleRate: MIX.sample_rate });
  await context.resume();
  const buffers = await loadAll(showLoading);
  if (desk.started !== null) return;
  desk.graphs = MIX.variants.map((variant, i) => {
    const output = context.createGain();
    output.gain.value = i === current ? variant.gain : 0;
    output.connect(context.destination);
    desk.outputs[i] = output;
    const graph = build(context, variant, buffers, output);
    graph.set(state[i]);
    return graph;
  });
  const start = context.currentTime + 0.05;
  for (const graph of desk.graphs) {
    for (const source of graph.sources) { source.loop = true; source.start(start, desk.offset % duration()); }
  }
  desk.started = start;
  connectMeters();
  draw();
}

function pause() {
  if (desk.started === null) return;
  desk.offset = position();
  for (const graph of desk.graphs) for (const source of graph.sources) source.stop();
  for (const output of desk.outputs) output.disconnect();
  desk.started = null;
  draw();
}

const duration = () => MIX.variants[current].wave.seconds;
const position = () => desk.started === null ? desk.offset
  : (desk.offset + Math.max(0, context.currentTime - desk.started)) % duration();

async function seek(seconds) {
  const was = desk.started !== null;
  pause();
  desk.offset = seconds;
  if (was) await play();
  drawWave();
}

function changed() {
  if (desk.started !== null) desk.graphs[current].set(state[current], context.currentTime);
  draw();
}

function choose(index) {
  current = index;
  if (desk.started !== null) {
    MIX.variants.forEach((variant, i) =>
      desk.outputs[i].gain.setTargetAtTime(i === index ? variant.gain : 0, context.currentTime, 0.01));
    connectMeters();
  }
  draw();
}

function connectMeters() {
  const places = desk.graphs[current].places;
  meters = ["tracks", "groups", "buses"].flatMap((kind) => places[kind].map((place, i) => {
    const analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    (place.direct ?? place.output).connect(analyser);
    return { key: `${kind}-${i}`, analyser, samples: new Float32Array(2048) };
  }));
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  desk.outputs[current].connect(analyser);
  meters.push({ key: "sum", analyser, samples: new Float32Array(2048) });
}

function measure() {
  for (const { key, analyser, samples } of meters) {
    const element = document.getElementById(`meter-${key}`);
    if (!element) continue;
    analyser.getFloatTimeDomainData(samples);
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    element.value = desk.started === null ? LOWEST_DB : Math.max(LOWEST_DB, 20 * Math.log10(peak + 1e-9));
    if (key === "sum" && peak > 1) document.getElementById("over").hidden = false;
  }
  drawWave();
  requestAnimationFrame(measure);
}

// --- A mix.json of what was moved ------------------------------------------------------------------

function document_() {
  const variant = MIX.variants[current];
  const copy = structuredClone(variant.document);
  for (const kind of ["tracks", "groups", "buses"]) {
    variant[kind].forEach((channel, i) => {
      const own = state[current][kind][i];
      const target = copy[kind][i];
      target.strip ??= [];
      if (own.pan !== channel.pan) {
        if (channel.panner >= 0) (target.strip[channel.panner].settings ??= {}).pan = own.pan;
        else target.strip.push({ processor: "stereo_panner", settings: { pan: own.pan } });
      }
      if (own.gain_db !== channel.gain_db) {
        const by = own.gain_db - channel.gain_db;
        if (channel.fader >= 0) {
          const settings = (target.strip[channel.fader].settings ??= {});
          settings.gain_db = (settings.gain_db ?? 0) + by;
        } else target.strip.push({ processor: "gain", settings: { gain_db: by } });
      }
      for (const flag of ["mute", "solo"]) {
        if (own[flag]) target[flag] = true;
        else delete target[flag];
      }
    });
  }
  return copy;
}

// --- The page --------------------------------------------------------------------------------------

function showLoading(share) {
  const bar = document.getElementById("loading");
  if (bar) { bar.hidden = share >= 1; bar.value = share; }
}

function row(kind, i, label) {
  const channel = MIX.variants[current][kind][i];
  const own = state[current][kind][i];
  const gain = element("output", {}, `${own.gain_db.toFixed(1)} dB`);
  const fader = element("input", { type: "range", class: "fader", min: LOWEST_DB, max: HIGHEST_DB, step: 0.1,
    value: own.gain_db, "aria-label": `Fader of ${label}`, "data-fader": `${kind}-${i}` });
  fader.oninput = () => { own.gain_db = Number(fader.value); gain.textContent = `${own.gain_db.toFixed(1)} dB`; changedSound(); };
  fader.ondblclick = () => { own.gain_db = channel.gain_db; changed(); };
  const pan = element("input", { type: "range", class: "pan", min: -1, max: 1, step: 0.01, value: own.pan,
    "aria-label": `Pan of ${label}`, "data-pan": `${kind}-${i}` });
  pan.oninput = () => { own.pan = Number(pan.value); changedSound(); };
  pan.ondblclick = () => { own.pan = channel.pan; changed(); };
  const flag = (name, text) => element("button", {
    "aria-pressed": String(own[name]), "aria-label": `${text} ${label}`, "data-flag": `${name}-${kind}-${i}`,
    onclick: () => { own[name] = !own[name]; changed(); } }, text[0]);
  const unheard = kind === "tracks" ? !audible(MIX.variants[current], state[current])[i].heard : own.mute;
  return element("div", { class: `channel ${kind === "tracks" ? "" : "group"} ${unheard ? "unheard" : ""}` },
    element("span", { class: "name" }, label),
    element("span", { class: "switches" }, flag("mute", "Mute"), flag("solo", "Solo")),
    fader, gain, pan,
    element("meter", { id: `meter-${kind}-${i}`, min: LOWEST_DB, max: 6, high: -3, optimum: -18, value: LOWEST_DB, "aria-label": `Level of ${label}` }));
}

function changedSound() {
  if (desk.started !== null) desk.graphs[current].set(state[current], context.currentTime);
}

function draw() {
  const variant = MIX.variants[current];
  const playing = desk.started !== null;
  const focused = document.activeElement?.getAttribute("data-flag");
  const ordered = [
    ...variant.groups.flatMap((group, g) => [row("groups", g, group.name),
      ...variant.tracks.flatMap((track, i) => (track.group === group.name ? [row("tracks", i, track.name)] : []))]),
    ...variant.tracks.flatMap((track, i) => (track.group ? [] : [row("tracks", i, track.name)])),
    ...variant.buses.map((bus, b) => row("buses", b, bus.name)),
  ];
  stage.replaceChildren(
    element("h1", {}, MIX.title),
    element("div", { class: "row" },
      element("button", { class: "main", id: "transport", onclick: () => (playing ? pause() : play()) }, playing ? "Pause" : "Play"),
      ...(MIX.variants.length > 1 ? MIX.variants.map((one, i) => element("button", {
        "aria-pressed": String(i === current), "data-variant": i, onclick: () => choose(i) }, one.name)) : []),
      element("button", { id: "reset", onclick: () => { state[current] = started()[current]; changed(); } }, "As it was"),
      element("button", { id: "save", onclick: () => download("mix.json", JSON.stringify(document_(), null, 1), "application/json") }, "Download mix.json")),
    element("progress", { id: "loading", max: 1, value: 0, hidden: true }),
    wave,
    element("p", { class: "quiet" }, `${variant.lufs.toFixed(1)} LUFS as it was. Compressors and limiters of groups and of the sum keep the gains they have there.`),
    element("div", { class: "row" }, element("meter", { id: "meter-sum", min: LOWEST_DB, max: 6, high: -0.1, optimum: -18, value: LOWEST_DB, "aria-label": "Level of the sum" }),
      element("span", { id: "over", class: "warn", hidden: true }, "over full scale")),
    ...ordered);
  if (focused) stage.querySelector(`[data-flag="${focused}"]`)?.focus();
  drawWave();
}

const wave = element("canvas", { id: "wave", width: 1600, height: 160, "aria-label": "Waveform and loudness of the mix", role: "img" });
wave.onclick = (event) => seek(duration() * event.offsetX / wave.clientWidth);

function drawWave() {
  const { peaks, loudness } = MIX.variants[current].wave;
  const pen = wave.getContext("2d");
  const style = getComputedStyle(document.body);
  const colour = (name) => style.getPropertyValue(name);
  const probe = stage.querySelector("#transport");
  pen.clearRect(0, 0, wave.width, wave.height);
  const width = wave.width / peaks.length;
  pen.fillStyle = getComputedStyle(wave).color;
  pen.globalAlpha = 0.35;
  peaks.forEach((peak, i) => pen.fillRect(i * width, 80 - 78 * Math.min(1, peak), Math.max(1, width - 0.3), 156 * Math.min(1, peak)));
  pen.globalAlpha = 1;
  pen.strokeStyle = probe ? getComputedStyle(probe).backgroundColor : colour("--accent");
  pen.lineWidth = 3;
  pen.beginPath();
  loudness.forEach((lufs, i) => {
    const [x, y] = [(i + 0.5) * wave.width / loudness.length, 155 - 150 * Math.min(1, Math.max(0, (lufs + 50) / 50))];
    if (i) pen.lineTo(x, y); else pen.moveTo(x, y);
  });
  pen.stroke();
  pen.fillStyle = pen.strokeStyle;
  pen.fillRect(wave.width * position() / duration() - 1, 0, 3, wave.height);
}

document.title = MIX.title;
document.addEventListener("keydown", (event) => {
  if (event.key === " " && !event.target.matches("button")) {
    event.preventDefault();
    if (desk.started !== null) pause(); else play();
  }
});
draw();
measure();

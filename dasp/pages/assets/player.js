"use strict";
// Sounds that run together, to the sample: a switch between them is a change of gains.

const FADE_S = 0.02;

// Each sound is a script of its own, which calls SOUND: a page opened from a disk may load scripts,
// and may not fetch files.
const arrived = new Map();

function SOUND(id, base64) {
  arrived.set(id, base64);
}

function script(source) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = source;
    element.onload = () => { element.remove(); resolve(); };
    element.onerror = () => reject(new Error(`${source} cannot be loaded`));
    document.head.append(element);
  });
}

function bytes(base64) {
  const text = atob(base64);
  const array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
  return array.buffer;
}

async function decodeSound(context, id) {
  await script(`sounds/${id}.js`);
  const encoded = arrived.get(id);
  arrived.delete(id);
  return context.decodeAudioData(bytes(encoded));
}

class Player {
  constructor(context, buffers, output = context.destination) {
    this.context = context;
    this.buffers = buffers;  // a Map of AudioBuffers by id
    this.gains = new Map();
    for (const id of buffers.keys()) {
      const gain = context.createGain();
      gain.gain.value = 0;
      gain.connect(output);
      this.gains.set(id, gain);
    }
    this.sources = [];
    this.offset = 0;
    this.started = null;
    this.duration = Math.max(...[...buffers.values()].map((buffer) => buffer.duration));
    this.region = [0, this.duration];
  }

  get playing() {
    return this.started !== null;
  }

  get position() {
    if (!this.playing) return this.offset;
    const [from, to] = this.region;
    const now = this.offset + Math.max(0, this.context.currentTime - this.started);
    return now < to ? now : from + (now - from) % (to - from);
  }

  play() {
    if (this.playing) return;
    this.context.resume();
    const [from, to] = this.region;
    if (this.offset < from || this.offset >= to) this.offset = from;
    // One start for all, a little ahead: each of them is scheduled before it comes.
    const start = this.context.currentTime + 0.03;
    for (const [id, buffer] of this.buffers) {
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      source.loop = true;
      source.loopStart = from;
      source.loopEnd = to;
      source.connect(this.gains.get(id));
      source.start(start, this.offset);
      this.sources.push(source);
    }
    this.started = start;
  }

  pause() {
    if (!this.playing) return;
    this.offset = this.position;
    for (const source of this.sources) { source.stop(); source.disconnect(); }
    this.sources = [];
    this.started = null;
  }

  seek(seconds) {
    const was = this.playing;
    this.pause();
    this.offset = Math.min(Math.max(seconds, 0), this.duration - 1e-3);
    if (was) this.play();
  }

  loop(from, to) {
    const was = this.playing;
    this.pause();
    this.region = [Math.max(0, from), Math.min(this.duration, to)];
    if (was) this.play();
  }

  // What is heard: gains by id, all others silent.
  hear(gains) {
    const now = this.context.currentTime;
    for (const [id, node] of this.gains) {
      node.gain.cancelScheduledValues(now);
      node.gain.setValueAtTime(node.gain.value, now);
      node.gain.linearRampToValueAtTime(gains[id] ?? 0, now + FADE_S);
    }
  }

  close() {
    this.pause();
    for (const gain of this.gains.values()) gain.disconnect();
  }
}

// A small generator of random numbers, so that a seed gives one order in every browser
// (mulberry32, by T. Ettinger, public domain).
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(items, random) {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

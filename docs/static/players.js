"use strict";
// Two players become one with a switch, which goes on from the same moment.

for (const box of document.querySelectorAll(".before-after")) {
  const figures = [...box.querySelectorAll("figure")];
  const players = figures.map((figure) => figure.querySelector("audio"));
  const row = document.createElement("div");
  row.className = "switch";
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "what is heard");
  let heard = 0;

  const buttons = figures.map((figure, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = figure.querySelector("figcaption").textContent;
    button.addEventListener("click", () => hear(place));
    row.append(button);
    return button;
  });

  function show() {
    figures.forEach((figure, place) => { figure.hidden = place !== heard; });
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", place === heard));
  }

  function hear(place) {
    if (place === heard) return;
    const before = players[heard];
    const after = players[place];
    const plays = !before.paused && !before.ended;
    after.volume = before.volume;
    after.muted = before.muted;
    if (before.currentTime > 0 && !before.ended) after.currentTime = before.currentTime;
    before.pause();
    heard = place;
    show();
    if (plays) after.play();
  }

  for (const player of players) player.preload = "metadata";
  box.prepend(row);
  box.classList.add("switched");
  show();
}

import { render } from './entry.mjs';

/** As many as the server sends at most; older ones leave the page. */
export const SHOWN = 200;

const list = document.getElementById('list');
let arrived = [];

/** Shows exactly these, and leaves those alone that are there already: somebody may be reading them. */
export function replaceAll(entries) {
  arrived = [];
  const old = new Map([...list.children].map((item) => [item.dataset.number, item]));
  list.replaceChildren(...entries.map((entry) => keepOrRender(old.get(String(entry.number)), entry)));
}

function keepOrRender(item, entry) {
  // Another inbox may have taken over, with numbers of its own.
  return item?.querySelector('time').dateTime === entry.time ? item : render(entry);
}

/** Arrivals wait for the next frame, so that a thousand at a time cost as much as the newest few. */
export function arrive(entry) {
  if (arrived.push(entry) === 1) requestAnimationFrame(flush);
  if (arrived.length > SHOWN) arrived.shift();
}

function flush() {
  const items = arrived.reverse().map(render);
  for (const item of items) item.classList.add('new');
  list.prepend(...items);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  arrived = [];
}

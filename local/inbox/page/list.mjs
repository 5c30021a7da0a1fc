import { render } from './entry.mjs';

/** The number of messages on the page. The server has the same limit in page.ts. */
export const SHOWN = 200;

const list = document.getElementById('list');
let arrived = [];

/** Shows exactly these entries. It keeps existing items, so that an open message stays open. */
export function replaceAll(entries) {
  arrived = [];
  const old = new Map([...list.children].map((item) => [item.dataset.number, item]));
  list.replaceChildren(...entries.map((entry) => keepOrRender(old.get(String(entry.number)), entry)));
}

function keepOrRender(item, entry) {
  // After a restart, the inbox uses the same numbers for other messages.
  return item?.querySelector('time').dateTime === entry.time ? item : render(entry);
}

/** Shows a new entry in the next frame, so that a thousand arrivals at a time need one update of the page. */
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

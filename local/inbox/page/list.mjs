import { oneLine } from './text.mjs';

/** The number of messages on the page. The server has the same limit in page-stream.ts. */
const SHOWN = 200;

const list = document.getElementById('list');
const template = document.getElementById('item');
let arrived = [];
let selected;

/** Shows exactly these entries. It keeps existing items, so that the keyboard focus stays on its item. */
export function replaceAll(entries) {
  arrived = [];
  const old = new Map([...list.children].map((item) => [item.dataset.path, item]));
  const items = entries.map((entry) => old.get(entry.path) ?? render(entry));
  // Moving an item would take the focus from it, so items in place are not touched.
  const kept = new Set(items);
  for (const item of [...list.children]) if (!kept.has(item)) item.remove();
  for (const [at, item] of items.entries()) {
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
  }
}

/**
 * Shows a new entry in the next frame, so that a thousand arrivals at a time need one update of the page. Returns
 * whether an older entry must leave the page.
 */
export function arrive(entry) {
  if (arrived.push(entry) === 1) requestAnimationFrame(flush);
  if (arrived.length > SHOWN) arrived.shift();
  return list.children.length + arrived.length > SHOWN;
}

function flush() {
  const items = arrived.reverse().map(render);
  for (const item of items) item.classList.add('new');
  list.prepend(...items);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  arrived = [];
}

/** Marks the entry of the opened message. */
export function select(path) {
  selected = path;
  for (const item of list.children) mark(item);
}

function mark(item) {
  const isSelected = item.dataset.path === selected;
  const link = item.querySelector('a');
  if (isSelected) link.setAttribute('aria-current', 'true');
  else link.removeAttribute('aria-current');
}

/** Returns a list item for a message. */
function render(entry) {
  const item = template.content.cloneNode(true).querySelector('li');
  const put = (selector, text) => {
    item.querySelector(selector).textContent = text;
  };
  const title = oneLine(entry.title);
  const text = oneLine(entry.text);
  item.dataset.path = entry.path;
  item.classList.add(entry.kind);
  item.querySelector('a').href = `#${entry.path}`;
  put('.kind', entry.kind);
  put('.to', oneLine(entry.to) || '(no recipient)');
  put('.title', title || (entry.kind === 'mail' ? '(no subject)' : text));
  put('.text', title || entry.kind === 'mail' ? text : '');
  item.querySelector('.again').hidden = !entry.again;
  const time = new Date(entry.time);
  const isToday = time.toDateString() === new Date().toDateString();
  put('time', isToday ? time.toLocaleTimeString('en-GB') : time.toLocaleString('en-GB'));
  item.querySelector('time').dateTime = entry.time;
  mark(item);
  return item;
}

import { renderFaults, showFaults } from './faults.mjs';
import { arrive, replaceAll, select } from './list.mjs';
import { showMessage } from './reader.mjs';
import { oneLine } from './text.mjs';
import { hideToast, showToast } from './toast.mjs';

const RECONNECT_MS = 2_000;
const ANNOUNCE_EVERY_MS = 1_000;
const SEARCH_AFTER_MS = 150;
/** The server has the same time in messages.ts. */
const UNDO_MS = 60_000;

const element = (id) => document.getElementById(id);

const amount = (n, one, many) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

let total = 0;
let query = '';

function showCounts({ mails, pushes }) {
  total = mails + pushes;
  element('counts').textContent = `${amount(mails, 'mail', 'mails')}, ${amount(pushes, 'push', 'pushes')}`;
  element('empty').disabled = total === 0;
  document.title = total === 0 ? 'Inbox' : `(${total.toLocaleString('en')}) Inbox`;
}

/** Shows the reason when the list has no entries. */
function showNothing(isListEmpty) {
  const nothing = element('nothing');
  nothing.hidden = !isListEmpty;
  if (total > 0) {
    nothing.textContent = `No message contains “${oneLine(query)}”.`;
    return;
  }
  const command = document.createElement('code');
  command.textContent = 'curl -X POST localhost:8080/followers';
  nothing.replaceChildren('The inbox is empty. In the sample, this command sends a mail and a push message: ', command);
}

/** The arrivals that have not been announced to screen readers. */
let unannounced = [];

function announce(entry) {
  if (unannounced.push(entry) > 1) return;
  setTimeout(() => {
    const [first] = unannounced;
    const one = `New ${first.kind} to ${oneLine(first.to)}: ${oneLine(first.title)}`;
    element('announcement').textContent = unannounced.length === 1 ? one : `${unannounced.length} new messages`;
    unannounced = [];
  }, ANNOUNCE_EVERY_MS);
}

/** Sends a change. Resolves with whether it succeeded. */
async function change(path, method, body) {
  try {
    const response = await fetch(path, { method, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return true;
  } catch (error) {
    showToast(`The change failed: ${error.message}`);
    return false;
  }
}

async function empty() {
  const removed = total;
  if (!(await change('/~/messages', 'DELETE'))) return;
  showToast(`${amount(removed, 'message', 'messages')} removed.`, { action: 'Undo', run: undo, forMs: UNDO_MS });
}

async function undo() {
  if (await change('/~/messages/restore', 'POST')) hideToast();
}

function showConnection(text, isLive) {
  element('connection').textContent = text;
  element('connection').classList.toggle('live', isLive);
}

let events;

/** Opens the stream of the messages that match the search. It replaces the stream of the search before. */
function connect() {
  events?.close();
  const opened = new EventSource(`/~/events?query=${encodeURIComponent(query)}`);
  events = opened;
  const on = (name, handler) => opened.addEventListener(name, ({ data }) => handler(JSON.parse(data)));
  on('snapshot', (snapshot) => {
    replaceAll(snapshot.entries);
    showCounts(snapshot.counts);
    showNothing(snapshot.entries.length === 0);
    element('more').hidden = !snapshot.hasMore;
    showFaults(snapshot.faults);
    showConnection('live', true);
    showOpened();
  });
  on('arrival', (arrival) => {
    const isFull = arrive(arrival.entry);
    if (isFull) element('more').hidden = false;
    showCounts(arrival.counts);
    showNothing(false);
    announce(arrival.entry);
  });
  on('counts', showCounts);
  on('faults', showFaults);
  opened.addEventListener('error', () => {
    showConnection('reconnecting…', false);
    // EventSource reconnects by itself, except after an answer that is not a stream.
    if (opened.readyState === EventSource.CLOSED) setTimeout(() => opened === events && connect(), RECONNECT_MS);
  });
}

/** Shows the message that the address names, as in `#/mails/abc`. So the browser's Back button closes a message. */
function showOpened() {
  const [, path] = /^#(\/(?:mails|pushes)\/[A-Za-z0-9]+)$/.exec(location.hash) ?? [];
  select(path);
  showMessage(path);
}

let searchTimer;
element('search').addEventListener('input', ({ target }) => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => {
    query = target.value.trim();
    connect();
  }, SEARCH_AFTER_MS);
});
element('empty').addEventListener('click', empty);
addEventListener('hashchange', showOpened);
addEventListener('keydown', ({ key, target }) => {
  if (key === 'Escape' && target !== element('search') && location.hash.length > 2) location.hash = '#/';
});
renderFaults((triggers) => change('/~/faults', 'PUT', triggers));
showConnection('connecting…', false);
element('app').hidden = false;
connect();

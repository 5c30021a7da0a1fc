import { renderFaults, showFaults } from './faults.mjs';
import { arrive, replaceAll, SHOWN } from './list.mjs';
import { oneLine } from './text.mjs';

const RECONNECT_MS = 2_000;
const ANNOUNCE_EVERY_MS = 1_000;

const element = (id) => document.getElementById(id);

const amount = (n, one, many) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

function showCounts({ mails, pushes }) {
  element('counts').textContent = `${amount(mails, 'mail', 'mails')}, ${amount(pushes, 'push', 'pushes')}`;
  element('nothing').hidden = mails + pushes > 0;
  element('more').hidden = mails + pushes <= SHOWN;
}

/** Arrivals that a screen reader has not been told of yet. */
let unsaid = [];

function announce(entry) {
  if (unsaid.push(entry) > 1) return;
  setTimeout(() => {
    const [first] = unsaid;
    const one = `New ${first.kind} to ${oneLine(first.to)}: ${oneLine(first.title)}`;
    element('announcement').textContent = unsaid.length === 1 ? one : `${unsaid.length} new messages`;
    unsaid = [];
  }, ANNOUNCE_EVERY_MS);
}

async function change(path, method, body) {
  try {
    const response = await fetch(path, { method, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(String(response.status));
  } catch (error) {
    showConnection(`that did not work (${error.message})`, false);
  }
}

function showConnection(text, isLive) {
  element('connection').textContent = text;
  element('connection').classList.toggle('live', isLive);
}

function connect() {
  const events = new EventSource('/~/events');
  const on = (name, handler) => events.addEventListener(name, ({ data }) => handler(JSON.parse(data)));
  on('snapshot', (snapshot) => {
    replaceAll(snapshot.entries);
    showCounts(snapshot.counts);
    showFaults(snapshot.chaos);
    showConnection('live', true);
  });
  on('arrival', (arrival) => {
    arrive(arrival.entry);
    showCounts(arrival.counts);
    announce(arrival.entry);
  });
  on('chaos', showFaults);
  events.addEventListener('error', () => {
    showConnection('not connected, trying again…', false);
    // It tries again by itself, but not after an answer that was no stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS);
  });
}

element('empty').addEventListener('click', () => change('/~/messages', 'DELETE'));
renderFaults((triggers) => change('/~/chaos', 'PUT', triggers));
connect();

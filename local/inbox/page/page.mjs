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

async function change(path, method, body) {
  try {
    const response = await fetch(path, { method, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(String(response.status));
  } catch (error) {
    showConnection(`the change failed (${error.message})`, false);
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
    showFaults(snapshot.faults);
    showConnection('live', true);
  });
  on('arrival', (arrival) => {
    arrive(arrival.entry);
    showCounts(arrival.counts);
    announce(arrival.entry);
  });
  on('faults', showFaults);
  events.addEventListener('error', () => {
    showConnection('disconnected, reconnecting…', false);
    // EventSource reconnects by itself, except after an answer that is not a stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS);
  });
}

element('empty').addEventListener('click', () => change('/~/messages', 'DELETE'));
renderFaults((triggers) => change('/~/faults', 'PUT', triggers));
connect();

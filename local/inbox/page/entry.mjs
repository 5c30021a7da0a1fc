import { oneLine, visible } from './text.mjs';

const template = document.getElementById('entry');

/** Returns a closed list item for a message. */
export function render(entry) {
  const item = template.content.cloneNode(true).querySelector('li');
  const put = (selector, text) => {
    item.querySelector(selector).textContent = text;
  };
  item.dataset.number = entry.number;
  item.classList.add(entry.kind);
  put('.kind', entry.kind);
  put('.to', oneLine(entry.to) || '(no recipient)');
  put('.title', oneLine(entry.title) || (entry.kind === 'mail' ? '(no subject)' : ''));
  put('.text', oneLine(entry.text));
  item.querySelector('.again').hidden = !entry.again;
  const time = new Date(entry.time);
  const isToday = time.toDateString() === new Date().toDateString();
  put('time', isToday ? time.toLocaleTimeString('en-GB') : time.toLocaleString('en-GB'));
  item.querySelector('time').dateTime = entry.time;
  const details = item.querySelector('details');
  details.addEventListener('toggle', () => details.open && showDetails(details, entry), { once: true });
  return item;
}

async function showDetails(details, entry) {
  const facts = [
    ['From', entry.from],
    [entry.kind === 'mail' ? 'To' : 'Topic', entry.to],
    [entry.kind === 'mail' ? 'Message-ID' : 'Id', entry.id || '(none)'],
    ['Text', entry.text],
  ];
  for (const [name, value] of facts) {
    if (value === undefined) continue;
    const term = document.createElement('dt');
    const description = document.createElement('dd');
    term.textContent = name;
    description.textContent = visible(value);
    details.querySelector('dl').append(term, description);
  }
  const parts = details.querySelector('.parts');
  for (const { name, text } of await load(entry.path)) {
    const heading = document.createElement('h3');
    const source = document.createElement('pre');
    heading.textContent = name;
    source.textContent = visible(text);
    source.tabIndex = 0;
    source.setAttribute('aria-label', name);
    source.setAttribute('role', 'region');
    parts.append(heading, source);
  }
}

async function load(path) {
  try {
    const response = await fetch(path);
    if (response.ok) return (await response.json()).parts;
    return [{ name: 'Source', text: 'The message is no longer in the inbox.' }];
  } catch {
    return [{ name: 'Source', text: 'The inbox does not answer.' }];
  }
}

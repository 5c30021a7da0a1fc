import { visible } from './text.mjs';

const reader = document.getElementById('reader');
const unopened = document.getElementById('unopened');
const template = document.getElementById('opened');

/** The path of the message on the page, and whether it could be loaded. */
let shown = { path: undefined, isLoaded: true };

/**
 * Shows the message with this path, or none. A message that is on the page stays as it is, even if it is no longer in
 * the inbox.
 */
export async function showMessage(path) {
  if (path === shown.path && shown.isLoaded) return;
  const isNew = path !== shown.path;
  shown = { path, isLoaded: true };
  document.body.classList.toggle('reading', path !== undefined);
  if (path === undefined) return reader.replaceChildren(unopened);
  const message = await load(path);
  // Meanwhile the reader may have opened another message.
  if (path !== shown.path) return;
  shown.isLoaded = 'facts' in message;
  reader.replaceChildren(...render(message));
  reader.scrollTop = 0;
  if (isNew) reader.focus({ preventScroll: true });
}

async function load(path) {
  try {
    const response = await fetch(`/~${path}`);
    return response.ok ? await response.json() : { problem: 'This message is no longer in the inbox.' };
  } catch {
    return { problem: 'The inbox does not answer.' };
  }
}

function render({ kind, again, facts = [], parts = [], problem }) {
  const opened = template.content.cloneNode(true);
  const list = opened.querySelector('dl');
  for (const fact of facts) {
    const term = create('dt', fact.name);
    const description = create('dd', fact.time ? fullTime(fact.time) : visible(fact.text));
    list.append(term, description);
  }
  if (again) list.append(create('dt', 'Note'), create('dd', `The inbox had this ${kind} already.`, 'repeated'));
  if (problem) list.replaceWith(create('p', problem, 'problem'));
  opened.querySelector('.parts').append(...parts.map(renderPart));
  return opened.children;
}

const fullTime = (time) => new Date(time).toLocaleString('en-GB', { dateStyle: 'full', timeStyle: 'long' });

/** Returns a section with the text and, for HTML, a frame that shows it as a web page beside it. */
function renderPart({ name, text, frame }) {
  const section = create('section');
  section.append(create('h3', name));
  const views = create('div', '', 'views');
  if (frame) views.append(renderFrame(frame));
  const source = create('pre', visible(text));
  source.tabIndex = 0;
  source.setAttribute('role', 'region');
  source.setAttribute('aria-label', frame ? `${name}, as text` : name);
  views.append(source);
  section.append(views);
  return section;
}

/** Returns a frame without any rights: no scripts, forms, links to other windows, or access to this page. */
function renderFrame(path) {
  const frame = create('iframe');
  frame.setAttribute('sandbox', '');
  frame.title = 'HTML, as it looks';
  frame.src = `/~${path}`;
  return frame;
}

function create(tag, text = '', className = '') {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return element;
}

const OFF = { Probability: 0 };
const mail = (ErrorCode, Probability) => ({ Sender: { ErrorCode, Probability }, Recipient: OFF, AfterData: OFF });
const push = (ErrorCode, Probability) => ({ Push: { ErrorCode, Probability } });

/**
 * The rows of buttons. Each choice has a label and the triggers that it sets, the same as the commands in
 * docs/break-it.md. The first choice of a row has no fault.
 */
const SWITCHES = [
  {
    name: 'Mail',
    choices: [
      ['works', { Sender: OFF, Recipient: OFF, AfterData: OFF }],
      ['temporary failure (451)', mail(451, 100)],
      ['permanent failure (550)', mail(550, 100)],
      ['half fail (451)', mail(451, 50)],
    ],
  },
  {
    name: 'Push',
    choices: [
      ['works', { Push: OFF }],
      ['temporary failure (503)', push(503, 100)],
      ['permanent failure (400)', push(400, 100)],
      ['half fail (503)', push(503, 50)],
    ],
  },
];

const panel = document.getElementById('faults');
const state = document.getElementById('faults-state');
const rows = [];
let triggers = {};

const isOn = (trigger) => trigger.Probability > 0;

/** Returns whether the server has the triggers of a button. */
function matches(wanted) {
  return Object.entries(wanted).every(([name, { ErrorCode, Probability }]) => {
    const trigger = triggers[name] ?? OFF;
    return trigger.Probability === Probability && (!isOn(trigger) || trigger.ErrorCode === ErrorCode);
  });
}

/** Adds the buttons to the page. A click calls `set` with the new state of all triggers. */
export function renderFaults(set) {
  for (const { name, choices } of SWITCHES) {
    const row = document.createElement('fieldset');
    const legend = document.createElement('legend');
    legend.textContent = name;
    row.append(legend);
    for (const [label, wanted] of choices) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = label;
      button.setAttribute('aria-pressed', 'false');
      button.addEventListener('click', () => set({ ...triggers, ...wanted }));
      row.append(button);
    }
    document.getElementById('switches').append(row);
    rows.push(row);
  }
  // On a phone, the buttons would take the place of the messages.
  panel.open = matchMedia('(min-width: 60rem)').matches;
}

/** Shows the triggers that are on, including triggers that an API client has set. */
export function showFaults(changed) {
  triggers = changed;
  for (const [at, { choices }] of SWITCHES.entries()) {
    const pressed = choices.findIndex(([, wanted]) => matches(wanted));
    for (const [i, button] of [...rows[at].querySelectorAll('button')].entries()) {
      button.setAttribute('aria-pressed', String(i === pressed));
      button.classList.toggle('fault', i > 0);
    }
  }
  const on = Object.entries(triggers).filter(([, trigger]) => isOn(trigger));
  const words = on.map(([name, { ErrorCode = '', Probability }]) => `${name} ${ErrorCode} at ${Probability} %`);
  state.textContent = words.join(', ').replace(/ {2,}/g, ' ') || 'none';
  state.classList.toggle('fault', on.length > 0);
}

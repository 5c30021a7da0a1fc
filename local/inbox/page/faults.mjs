// The fault buttons.

const OFF = { Probability: 0 };
const recipient = (ErrorCode, Probability) => ({ Sender: OFF, Recipient: { ErrorCode, Probability }, AfterData: OFF });
const push = (ErrorCode, Probability) => ({ Push: { ErrorCode, Probability } });

/** The buttons: what each makes of the server's triggers. The first of a row is how things are when nothing is wrong. */
const SWITCHES = [
  {
    name: 'Mail',
    choices: [
      ['works', { Sender: OFF, Recipient: OFF, AfterData: OFF }],
      ['refuses for now (451)', recipient(451, 100)],
      ['refuses for good (550)', recipient(550, 100)],
      ['half fail (451)', recipient(451, 50)],
    ],
  },
  {
    name: 'Push',
    choices: [
      ['works', { Push: OFF }],
      ['refuses for now (503)', push(503, 100)],
      ['refuses for good (400)', push(400, 100)],
      ['half fail (503)', push(503, 50)],
    ],
  },
];

const other = document.getElementById('other-faults');
const rows = [];
let triggers = {};

const isOn = (trigger) => trigger.Probability > 0;

/** Whether the server's triggers are those of a button, where it has any. */
function fits(wanted) {
  return Object.entries(wanted).every(([name, { ErrorCode, Probability }]) => {
    const trigger = triggers[name] ?? OFF;
    return trigger.Probability === Probability && (!isOn(trigger) || trigger.ErrorCode === ErrorCode);
  });
}

/** Puts the buttons on the page. `set` is called with all triggers as they should be from now on. */
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
}

/** Shows which triggers are on, whoever switched them. */
export function showFaults(changed) {
  triggers = changed;
  let isNamed = !isOn(triggers.Authentication);
  for (const [at, { choices }] of SWITCHES.entries()) {
    const pressed = choices.findIndex(([, wanted]) => fits(wanted));
    isNamed &&= pressed >= 0;
    for (const [i, button] of [...rows[at].querySelectorAll('button')].entries()) {
      button.setAttribute('aria-pressed', String(i === pressed));
      button.classList.toggle('fault', i > 0);
    }
  }
  const on = Object.entries(triggers).filter(([, trigger]) => isOn(trigger));
  const words = on.map(([name, { ErrorCode = '', Probability }]) => `${name} ${ErrorCode} at ${Probability} %`);
  other.hidden = isNamed;
  other.textContent = `Set from elsewhere: ${words.join(', ')}`;
}

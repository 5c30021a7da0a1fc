import { expect, test } from 'vitest';
import { call, setFaults, startTestInbox } from '../testing/test-inbox';

const OFF = {
  Sender: { ErrorCode: 451, Probability: 0 },
  Recipient: { ErrorCode: 451, Probability: 0 },
  Authentication: { ErrorCode: 535, Probability: 0 },
  Push: { ErrorCode: 503, Probability: 0 },
  AfterData: { Probability: 0 },
};

test.concurrent('When triggers are set, then the answer has all triggers, and a trigger that is not named is off', async () => {
  const inbox = await startTestInbox();
  const triggers = async () => (await call(`${inbox.mailUrl}/api/v1/chaos`)).json;
  expect(await triggers()).toEqual(OFF);
  const first = await setFaults(inbox, { Sender: { ErrorCode: 421, Probability: 100 }, AfterData: { Probability: 5 } });
  expect(first.json).toEqual({ ...OFF, Sender: { ErrorCode: 421, Probability: 100 }, AfterData: { Probability: 5 } });
  await setFaults(inbox, { Recipient: { Probability: 30 }, Push: { ErrorCode: 0, Probability: 1 } });
  const second = { Recipient: { ErrorCode: 451, Probability: 30 }, Push: { ErrorCode: 503, Probability: 1 } };
  expect(await triggers()).toEqual({ ...OFF, ...second });
  await setFaults(inbox, {});
  expect(await triggers()).toEqual(OFF);
});

test.concurrent.each([
  [{ Recipients: {} }, 'unknown trigger "Recipients"; allowed: Sender, Recipient, Authentication, Push, AfterData'],
  [{ Sender: { Code: 451 } }, 'Sender has no "Code"; allowed: ErrorCode, Probability'],
  [{ AfterData: { ErrorCode: 451 } }, 'AfterData has no "ErrorCode"; allowed: Probability'],
  [{ Sender: { ErrorCode: 250 } }, 'Sender.ErrorCode is 250; allowed: a whole number from 400 to 599'],
  [{ Push: { ErrorCode: 600 } }, 'Push.ErrorCode is 600; allowed: a whole number from 400 to 599'],
  [{ Push: { Probability: 101 } }, 'Push.Probability is 101; allowed: a whole number from 0 to 100'],
  [{ Push: { Probability: -1 } }, 'Push.Probability is -1; allowed: a whole number from 0 to 100'],
  [{ Recipient: { Probability: '50' } }, 'Recipient.Probability is "50"; allowed: a whole number from 0 to 100'],
  [{ Recipient: { Probability: 0.5 } }, 'Recipient.Probability is 0.5; allowed: a whole number from 0 to 100'],
  [{ Recipient: 451 }, 'Recipient is 451; allowed: an object'],
  [[], 'the body is []; allowed: an object'],
])(
  'When the triggers are %j, then the answer is 400 with the reason, and the triggers do not change',
  async (triggers, message) => {
    const inbox = await startTestInbox();
    const before = await setFaults(inbox, { Sender: { ErrorCode: 421, Probability: 7 } });
    expect(await setFaults(inbox, triggers)).toMatchObject({ status: 400, json: { Error: message } });
    expect((await call(`${inbox.mailUrl}/api/v1/chaos`)).json).toEqual(before.json);
  },
);

import { setTimeout as sleep } from 'node:timers/promises';

/** A mail in Mailpit's API. */
export interface Mail {
  ID: string;
  MessageID: string;
  Subject: string;
  /** The time of arrival, in RFC 3339. */
  Created: string;
  To: { Name: string; Address: string }[];
}

/** A push message in ntfy's API. */
export interface Push {
  id: string;
  /** The time of arrival, in seconds since the epoch. */
  time: number;
  topic: string;
  title: string;
  message: string;
  sequence_id?: string;
}

/** Faults that the inbox injects, in percent of the attempts. A fault that is left out is off. */
export interface Faults {
  /** The server refuses a mail at its start, with an SMTP reply code. */
  mail?: { code: number; percent: number };
  /** The server refuses a push message, with an HTTP status. */
  push?: { code: number; percent: number };
  /** The server stores a mail, and then cuts the connection before it answers. */
  cutAfterMail?: number;
}

/** The number of mails in one request. */
const PAGE_SIZE = 1_000;

/** A client of the servers that receive mails and push messages: Mailpit and ntfy, or servers with the same APIs. */
export class InboxClient {
  constructor(
    /** The URL of Mailpit, without a slash at the end. */
    readonly mailUrl: string,
    /** The URL of ntfy, without a slash at the end. */
    readonly pushUrl: string,
  ) {}

  /** Resolves with all mails, newest first. */
  async mails(): Promise<Mail[]> {
    const found: Mail[] = [];
    for (;;) {
      const page = await request<{ messages: Mail[] }>(
        `${this.mailUrl}/api/v1/messages?start=${found.length}&limit=${PAGE_SIZE}`,
      );
      found.push(...page.messages);
      if (page.messages.length < PAGE_SIZE) return found;
    }
  }

  /** Resolves with the mails of one event. Their Message-ID begins with the event id. */
  async mailsOf(eventId: string): Promise<Mail[]> {
    return (await this.mails()).filter(({ MessageID }) => MessageID.startsWith(`${eventId}.`));
  }

  /** Resolves with the body of a mail. */
  async text(mail: Mail): Promise<{ Text: string; HTML: string }> {
    return request(`${this.mailUrl}/api/v1/message/${mail.ID}`);
  }

  /** Resolves with the push messages to these followees, oldest first. */
  async pushes(...followees: string[]): Promise<Push[]> {
    const topics = followees.map((followee) => `followers-${followee}`).join(',');
    const answer = await fetch(`${this.pushUrl}/${topics}/json?poll=1&since=all`);
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${await answer.text()}`);
    const lines = (await answer.text()).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line));
  }

  /** Resolves with the push messages that tell bob about one follower. */
  async pushesAbout(follower: string): Promise<Push[]> {
    return (await this.pushes('bob')).filter(({ message }) => message === `${follower} follows you`);
  }

  /** Switches the given faults on, and all others off. */
  async setFaults({ mail, push, cutAfterMail }: Faults): Promise<void> {
    const trigger = (fault: { code: number; percent: number }) => ({
      ErrorCode: fault.code,
      Probability: fault.percent,
    });
    await request(`${this.mailUrl}/api/v1/chaos`, {
      method: 'PUT',
      body: JSON.stringify({
        ...(mail && { Sender: trigger(mail) }),
        ...(push && { Push: trigger(push) }),
        ...(cutAfterMail && { AfterData: { Probability: cutAfterMail } }),
      }),
    });
  }

  /** Switches all faults off. */
  clearFaults = (): Promise<void> => this.setFaults({});

  /** Resolves when both servers answer. @throws {Error} when they do not answer within 15 s */
  async ready(): Promise<void> {
    for (const deadline = Date.now() + 15_000; ; await sleep(20)) {
      const up = await Promise.all([this.mails(), this.pushes('nobody')]).then(
        () => true,
        () => false,
      );
      if (up) return;
      if (Date.now() > deadline) throw new Error(`no inbox at ${this.mailUrl} and ${this.pushUrl}`);
    }
  }
}

async function request<T>(url: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

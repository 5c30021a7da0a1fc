import { setTimeout as sleep } from 'node:timers/promises';

/** A mail as Mailpit's API tells of it. */
export interface Mail {
  ID: string;
  MessageID: string;
  Subject: string;
  /** When it arrived, RFC 3339. */
  Created: string;
  To: { Name: string; Address: string }[];
}

/** A message as ntfy's API tells of it. */
export interface Push {
  id: string;
  /** When it arrived, in seconds since the epoch. */
  time: number;
  topic: string;
  title: string;
  message: string;
  sequence_id?: string;
}

/** Faults on purpose, in percent of the attempts. What is left out works. */
export interface Faults {
  /** An SMTP reply at the start of a mail. */
  mail?: { code: number; percent: number };
  /** An HTTP status. */
  push?: { code: number; percent: number };
  /** Mails are stored, and the connection cut before the sender is told. */
  cutAfterMail?: number;
}

const PAGE = 1_000;

/** Where mails and push messages arrive: Mailpit and ntfy, or whatever answers as they do. */
export class InboxClient {
  constructor(
    /** Without a slash at the end. */
    readonly mailUrl: string,
    readonly pushUrl: string,
  ) {}

  /** All mails, newest first. */
  async mails(): Promise<Mail[]> {
    const found: Mail[] = [];
    for (;;) {
      const page = await ask<{ messages: Mail[] }>(
        `${this.mailUrl}/api/v1/messages?start=${found.length}&limit=${PAGE}`,
      );
      found.push(...page.messages);
      if (page.messages.length < PAGE) return found;
    }
  }

  /** The mails about one event, by its Message-ID. */
  async mailsOf(eventId: string): Promise<Mail[]> {
    return (await this.mails()).filter(({ MessageID }) => MessageID.startsWith(`${eventId}.`));
  }

  async text(mail: Mail): Promise<{ Text: string; HTML: string }> {
    return ask(`${this.mailUrl}/api/v1/message/${mail.ID}`);
  }

  /** The messages on some people's topics, oldest first. */
  async pushes(...followees: string[]): Promise<Push[]> {
    const topics = followees.map((followee) => `followers-${followee}`).join(',');
    const answer = await fetch(`${this.pushUrl}/${topics}/json?poll=1&since=all`);
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    const lines = (await answer.text()).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line));
  }

  /** The messages to bob about one follower. */
  async pushesAbout(follower: string): Promise<Push[]> {
    return (await this.pushes('bob')).filter(({ message }) => message === `${follower} follows you`);
  }

  /** Switches faults on, and those that are not named off. */
  async break({ mail, push, cutAfterMail }: Faults = {}): Promise<void> {
    const trigger = (fault: { code: number; percent: number }) => ({
      ErrorCode: fault.code,
      Probability: fault.percent,
    });
    await ask(`${this.mailUrl}/api/v1/chaos`, {
      method: 'PUT',
      body: JSON.stringify({
        ...(mail && { Sender: trigger(mail) }),
        ...(push && { Push: trigger(push) }),
        ...(cutAfterMail && { AfterData: { Probability: cutAfterMail } }),
      }),
    });
  }

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

async function ask<T>(url: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

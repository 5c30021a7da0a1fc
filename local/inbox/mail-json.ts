import type { Mail } from './messages';

const SNIPPET_LENGTH = 200;

/** Returns a mail as Mailpit shows it in a list. */
export function summary(mail: Mail): object {
  const { id, messageId, read, from, to, cc, bcc, replyTo, subject, receivedAt, username, raw, attachments } = mail;
  return {
    ID: id,
    MessageID: messageId,
    Read: read,
    From: from,
    To: to,
    Cc: cc,
    Bcc: bcc,
    ReplyTo: replyTo,
    Subject: subject,
    Created: receivedAt,
    Username: username,
    Tags: [],
    Size: raw.length,
    Attachments: attachments.length,
    Snippet: snippet(mail.text),
  };
}

function snippet(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > SNIPPET_LENGTH ? `${line.slice(0, SNIPPET_LENGTH)}...` : line;
}

/** Returns a mail as Mailpit shows it on its own. */
export function details(mail: Mail): object {
  const { id, messageId, from, to, cc, bcc, replyTo, returnPath, subject, date, receivedAt, username } = mail;
  return {
    ID: id,
    MessageID: messageId,
    From: from,
    To: to,
    Cc: cc,
    Bcc: bcc,
    ReplyTo: replyTo,
    ReturnPath: returnPath,
    Subject: subject,
    Date: date ?? receivedAt,
    Tags: [],
    Username: username,
    Text: mail.text,
    HTML: mail.html,
    Size: mail.raw.length,
    Inline: mail.inline,
    Attachments: mail.attachments,
  };
}

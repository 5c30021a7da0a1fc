import type { SendMailOptions } from 'nodemailer';
import type { Follow } from '../common/follow';
import { eventKey } from '../common/once/event-key';
import type { EmailConfig } from './config';

/**
 * Returns the mail to a followee. All mails about one event have the same Message-ID, so a receiver can recognise a
 * repeated mail. https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4
 */
export function writeEmail(
  { follower, followee }: Follow,
  eventId: string,
  { from, domain }: Pick<EmailConfig, 'from' | 'domain'>,
): SendMailOptions & { messageId: string } {
  const html = `<p>Hello ${escapeHtml(followee)},</p><p><b>${escapeHtml(follower)}</b> follows you now.</p>`;
  return {
    messageId: `<${eventKey(eventId)}.email-notification-service@${domain}>`,
    from: { name: 'Followers', address: from },
    to: { name: followee, address: `${followee}@${domain}` },
    subject: `${follower} follows you`,
    text: `Hello ${followee},\n\n${follower} follows you now.\n`,
    html: `<!doctype html><title>New follower</title>${html}`,
    // Asks automatic responders not to answer. https://www.rfc-editor.org/rfc/rfc3834#section-5
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

/** Names contain no markup today (common/follow.ts). Escaped, they could contain it. */
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

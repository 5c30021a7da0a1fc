import type { SendMailOptions } from 'nodemailer';
import type { Follow } from '../common/follow';
import { eventKey } from '../common/once/claims';
import type { EmailConfig } from './config';

/**
 * The mail to a followee. Its Message-ID is the same whenever the same event is sent, so that a receiver can tell a
 * repetition from a second follow. https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4
 */
export function writeEmail(
  { follower, followee }: Follow,
  eventId: string,
  { from, domain }: Pick<EmailConfig, 'from' | 'domain'>,
): SendMailOptions {
  const html = `<p>Hello ${escapeHtml(followee)},</p><p><b>${escapeHtml(follower)}</b> follows you now.</p>`;
  return {
    messageId: `<${eventKey(eventId)}.email-notification-service@${domain}>`,
    from: { name: 'Followers', address: from },
    to: { name: followee, address: `${followee}@${domain}` },
    subject: `${follower} follows you`,
    text: `Hello ${followee},\n\n${follower} follows you now.\n`,
    html: `<!doctype html><title>New follower</title>${html}`,
    // Asks answering machines not to answer. https://www.rfc-editor.org/rfc/rfc3834#section-5
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

/** Names hold no markup (common/follow.ts). Should that ever change, it does not become part of the page. */
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * The headers of an HTML mail. The browser runs no script, loads nothing but the images inside the mail, sends no form,
 * and treats the document as a site of its own. So a mail cannot read the inbox, and its sender cannot see that it was
 * read. The page shows it in a frame that has the same sandbox.
 */
export const HTML_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    'sandbox',
    "default-src 'none'",
    ...[
      "style-src 'unsafe-inline'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'self'",
    ],
  ].join('; '),
};

/** Simple mails have no style of their own. */
const PLAIN_STYLE = '<!doctype html><style>body { margin: 1rem; font: 15px/1.5 system-ui, sans-serif }</style>';

/** Returns the document for an HTML mail. */
export function htmlDocument(html: string): string {
  const isDocument = /<!doctype|<html/i.test(html);
  return isDocument ? html : PLAIN_STYLE + html;
}

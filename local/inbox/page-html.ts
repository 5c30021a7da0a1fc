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

/**
 * A plain look for mails without styles, which come later and win. A link would only replace the mail by the browser's
 * message that the link is blocked.
 */
const STYLE =
  '<style>body { margin: 1rem; font: 15px/1.5 system-ui, sans-serif } a, area { pointer-events: none }</style>';

/** Returns the document for an HTML mail. */
export function htmlDocument(html: string): string {
  const [doctype = ''] = /^\s*<!doctype[^>]*>/i.exec(html) ?? [];
  // A blocked frame loads nothing, but Chromium connects to its server before it blocks it.
  const withoutFrames = html.slice(doctype.length).replace(/<(?=i?frame[\s/>])/gi, '<x-');
  return doctype + STYLE + withoutFrames;
}

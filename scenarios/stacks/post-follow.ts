import type { Stack } from './stack';

export interface Answer {
  status: number;
  headers: Headers;
  body: { id: string; follower: string; followee: string; detail?: string };
}

/**
 * Resolves with the answer to `POST /followers`. Without a body, the request is the same as the curl command in the
 * README.
 *
 * @param body is sent as JSON; a string is sent unchanged
 */
export async function postFollow(
  stack: Pick<Stack, 'facadeUrl'>,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const init: RequestInit = { method: 'POST', headers };
  if (body !== undefined) {
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
    init.headers = { 'content-type': 'application/json', ...headers };
  }
  const res = await fetch(`${stack.facadeUrl}/followers`, init);
  return { status: res.status, headers: res.headers, body: (await res.json()) as Answer['body'] };
}

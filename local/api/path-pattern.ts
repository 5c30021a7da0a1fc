/** Returns the segments of a path, still escaped, without empty, `.` and `..` segments; undefined for an invalid escape. */
export function cleanSegments(path: string): string[] | undefined {
  const segments: string[] = [];
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined;
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return segments;
}

/** Returns a segment without its escapes. Node shows each byte of a path as one character. */
function decode(segment: string): string {
  if (!/[^!-$&-*,-~]/.test(segment)) return segment;
  const bytes = segment
    .replaceAll('+', ' ')
    .replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** Returns the named parts of a path, decoded; undefined if the path does not match. */
export type Match = (segments: readonly string[]) => Record<string, string> | undefined;

/** Returns the matcher of a route's pattern. As in daprd, an escaped letter does not match the fixed parts. */
export function compile(pattern: string | undefined): Match {
  if (pattern === undefined) return () => ({});
  const parts = pattern.split('/');
  const rest = parts.at(-1)?.startsWith('*') ? parts.pop()?.slice(1) : undefined;
  return (segments) => {
    if (rest === undefined ? segments.length !== parts.length : segments.length <= parts.length) return undefined;
    const params: Record<string, string> = {};
    for (const [i, part] of parts.entries()) {
      const segment = segments[i] ?? '';
      if (part.startsWith(':')) params[part.slice(1)] = decode(segment);
      else if (part !== segment) return undefined;
    }
    if (rest !== undefined) params[rest] = decode(segments.slice(parts.length).join('/'));
    return params;
  };
}

/** Returns the decoded segments of a path without empty, `.` and `..` segments; undefined for an invalid escape. */
export function cleanSegments(path: string): string[] | undefined {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      segments.pop();
      continue;
    }
    const decoded = decode(segment);
    if (decoded === undefined) return undefined;
    segments.push(decoded);
  }
  return segments;
}

function decode(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** Returns the named parts of a path; undefined if the path does not match. */
export type Match = (segments: readonly string[]) => Record<string, string> | undefined;

/** Returns the matcher of a route's pattern. */
export function compile(pattern: string | undefined): Match {
  if (pattern === undefined) return () => ({});
  const parts = pattern.split('/');
  const rest = parts.at(-1)?.startsWith('*') ? parts.pop()?.slice(1) : undefined;
  return (segments) => {
    if (rest === undefined ? segments.length !== parts.length : segments.length <= parts.length) return undefined;
    const params: Record<string, string> = {};
    for (const [i, part] of parts.entries()) {
      const segment = segments[i] ?? '';
      if (part.startsWith(':')) params[part.slice(1)] = segment;
      else if (part !== segment) return undefined;
    }
    if (rest !== undefined) params[rest] = segments.slice(parts.length).join('/');
    return params;
  };
}

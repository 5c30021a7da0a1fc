/** A command line that cannot be understood. The message says what is allowed. */
export class UsageError extends Error {}

const SERVICES = ['email-notification-service', 'push-notification-service'] as const;

export interface Arguments {
  service: (typeof SERVICES)[number];
  listOnly: boolean;
}

/** @throws {UsageError} when no service, or another word, is given */
export function readArguments(args: readonly string[]): Arguments {
  const words = args.filter((arg) => arg !== '--list');
  const service = SERVICES.find((name) => name === words[0]);
  const usage = `give one service: ${SERVICES.join(' or ')}, and --list to look only`;
  if (!service || words.length > 1) {
    throw new UsageError(
      `${words.length === 0 ? 'no service is named' : `not understood: ${words.join(' ')}`}; ${usage}`,
    );
  }
  return { service, listOnly: words.length < args.length };
}
